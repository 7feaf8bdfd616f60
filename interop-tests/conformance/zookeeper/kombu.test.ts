import assert from "node:assert/strict";
import type { Message } from "../../../src/protocol/message.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader } from "../../../src/testing/broker/scene.js";
import { until } from "../../../src/testing/harness.js";
import { uniqueName } from "../../drivers/index.js";
import { celeryVersions, newestCelery } from "../../python/venvs.mjs";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { KombuPeer } from "../kombu/peer.js";
import { ZooKeeperStage } from "./stage.js";

const json = (value: unknown, properties: Message["properties"] = {}): Message => ({
  body: Buffer.from(JSON.stringify(value)),
  contentType: "application/json",
  contentEncoding: "utf-8",
  headers: { n: 300, none: null, list: [1, "ü"] },
  properties: { deliveryMode: 2, correlationId: "the-id", ...properties },
});

const valuesOf = (reader: Reader): unknown[] =>
  reader.deliveries.map(({ message }) => JSON.parse(Buffer.from(message.body).toString()) as unknown);

/** The same nodes with the same contents from both sides, each of which takes what the other one has put there. */
for (const version of celeryVersions.filter((one, index) => index === 0 || one === newestCelery))
  describe(`kombu of Celery ${version} over zookeeper`, function () {
    this.timeout(60_000);
    let stage: ZooKeeperStage;
    let peer: KombuPeer;

    before(async function () {
      stage = new ZooKeeperStage(await need(this, () => startServer("zookeeper")));
      peer = await KombuPeer.start(stage.place, version);
    });
    after(async () => {
      await peer?.kill();
      await stage?.end();
      await stage?.server.stop();
    });
    afterEach(() => stage.reset());

    it("names entries alike and writes the same envelopes", async () => {
      const name = uniqueName("recipe");
      const headers = { n: 300, none: null, list: [1, "ü"] };
      const broker = stage.open();
      for (const priority of [0, 9, 4]) {
        await broker.publish(json("x", { priority }), toQueue(name), { declare: [queue(name)] });
        await peer.put({ body: "x", queue: name, headers, priority, correlation_id: "the-id" });
      }
      assert.deepEqual(await stage.entries(name), [
        "entry-000-0000000002",
        "entry-000-0000000003",
        "entry-005-0000000004",
        "entry-005-0000000005",
        "entry-009-0000000000",
        "entry-009-0000000001",
      ]);
      const envelopes = await stage.envelopes(name);
      for (const [index, ours] of envelopes.entries()) {
        if (index % 2 === 1) continue;
        const theirs = envelopes[index + 1] ?? {};
        for (const envelope of [ours, theirs]) {
          const properties = envelope["properties"] as Record<string, unknown>;
          assert.match(String(properties["delivery_tag"]), /^[0-9a-f-]{36}$/);
          delete properties["delivery_tag"];
        }
        assert.deepEqual(ours, theirs);
      }
      // Everybody may do everything with everything, the nodes above included.
      const theirQueue = uniqueName("theirs");
      await peer.ask("declare", { queue: theirQueue });
      const everybody = { permission: 31, id: { scheme: "world", id: "anyone" } };
      for (const path of ["", `/${name}`, `/${theirQueue}`, `/${name}/entry-000-0000000002`]) {
        assert.deepEqual(await stage.acl(path), [everybody]);
        if (!path.includes("entry")) assert.equal(await stage.text(path.slice(1), ""), "");
      }
    });

    it("reads what kombu sends", async () => {
      const name = uniqueName("in");
      for (let n = 0; n < 3; n++)
        await peer.put({ body: { n }, queue: name, correlation_id: "the-id", declare: [{ queue: name }] });
      const reader = await new Reader(stage.open().consume([queue(name)]), (one) => one.ack()).hasOnly(3);
      assert.deepEqual(valuesOf(reader), [{ n: 0 }, { n: 1 }, { n: 2 }]);
      assert.equal((await reader.nth(0)).message.properties.correlationId, "the-id");
      assert.deepEqual(await stage.entries(name), []);
    });

    it("is read by kombu, and counted and purged alike", async () => {
      const name = uniqueName("out");
      const broker = stage.open();
      for (let n = 0; n < 3; n++) await broker.publish(json({ n }), toQueue(name), { declare: [queue(name)] });
      assert.equal(await peer.ask("size", { queue: name }), 3);
      assert.equal(await broker.size(name), 3);
      await peer.listen([{ queue: name }]);
      const messages = await peer.collect(3);
      assert.deepEqual(
        messages.map(({ body }) => body),
        [{ n: 0 }, { n: 1 }, { n: 2 }],
      );
      assert.deepEqual(messages[0]?.headers, { n: 300, none: null, list: [1, "ü"] });
      const other = uniqueName("purge");
      for (let n = 0; n < 2; n++) await peer.put({ body: n, queue: other, declare: [{ queue: other }] });
      assert.equal(await broker.purge(other), 2);
      for (let n = 0; n < 2; n++) await broker.publish(json(n), toQueue(other));
      assert.equal(await peer.ask("purge", { queue: other }), 2);
    });

    it("serves the highest priority first on both sides", async () => {
      const [out, back] = [uniqueName("prio"), uniqueName("prio")];
      const broker = stage.open();
      const priorities = [0, 4, 9, 2, 9, 7];
      for (const priority of priorities) {
        await broker.publish(json(priority, { priority }), toQueue(out), { declare: [queue(out)] });
        await peer.put({ body: priority, priority, queue: back, declare: [{ queue: back }] });
      }
      const expected = [9, 9, 7, 4, 2, 0];
      await peer.listen([{ queue: out }]);
      assert.deepEqual(
        (await peer.collect(6)).map(({ body }) => body),
        expected,
      );
      const reader = await new Reader(broker.consume([queue(back)], { prefetch: 1 }), (one) => one.ack()).has(6);
      assert.deepEqual(valuesOf(reader), expected);
    });

    it("gives back to kombu and takes what kombu gives back, marked at the top level alone", async () => {
      const name = uniqueName("back");
      const broker = stage.open();
      for (let n = 0; n < 3; n++)
        await broker.publish(json(n, { priority: 3 }), toQueue(name), { declare: [queue(name)] });
      const before = await stage.envelopes(name);
      const reader = await new Reader(broker.consume([queue(name)])).has(3);
      assert.deepEqual(await stage.entries(name), []);
      await reader.consumer.close();
      const names = ["entry-006-0000000000", "entry-006-0000000001", "entry-006-0000000002"];
      assert.deepEqual(await stage.entries(name), names);
      const marked = before.map((envelope) => ({ ...envelope, redelivered: true }));
      assert.deepEqual(await stage.envelopes(name), marked);

      const other = await KombuPeer.start(stage.place, version);
      try {
        await other.listen([{ queue: name }], { ack: false });
        const messages = await other.collect(3);
        assert.deepEqual(
          messages.map(({ body }) => body),
          [0, 1, 2],
        );
        assert.deepEqual(await stage.entries(name), []);
        await other.ask("close");
      } finally {
        await other.kill();
      }
      assert.equal((await stage.entries(name)).length, 3);
      assert.ok((await stage.envelopes(name)).every((envelope) => envelope["redelivered"] === true));
      const again = await new Reader(broker.consume([queue(name)]), (one) => one.ack()).hasOnly(3);
      assert.ok(again.deliveries.every(({ info }) => info.redelivered));
    });

    it("puts a rejected message behind the others of its priority", async () => {
      const name = uniqueName("reject");
      const broker = stage.open();
      for (const [n, priority] of [3, 3, 5].entries())
        await broker.publish(json(n, { priority }), toQueue(name), { declare: [queue(name)] });
      const reader = await new Reader(broker.consume([queue(name)], { prefetch: 1 })).has(1);
      assert.deepEqual(valuesOf(reader), [2]);
      await reader.deliveries[0]?.reject({ requeue: true });
      await (await reader.nth(1)).ack();
      await (await reader.nth(2)).reject({ requeue: true });
      await (await reader.nth(3)).ack();
      await (await reader.nth(4)).ack();
      assert.deepEqual(valuesOf(reader), [2, 2, 0, 1, 0]);
      assert.deepEqual(await stage.entries(name), []);
    });

    it("shares a thousand messages with a rival of ours and one of kombu's: nobody gets one twice, none is lost", async () => {
      const name = uniqueName("race");
      const sender = stage.open();
      await sender.declare(queue(name));
      const all = Array.from({ length: 1000 }, (_, n) => n);
      await peer.listen([{ queue: name }]);
      await Promise.all(all.map((n) => sender.publish(json(n), toQueue(name))));
      const readers = [1, 7].map(
        (prefetch) => new Reader(stage.open().consume([queue(name)], { prefetch }), (one) => one.ack()),
      );
      const theirs: unknown[] = [];
      await until("all of them taken", async () => {
        theirs.push(...(await peer.collect(1000, 0.2)).map(({ body }) => body));
        return (await sender.size(name)) === 0;
      });
      theirs.push(...(await peer.collect(1000, 0.5)).map(({ body }) => body));
      const ours = readers.map(valuesOf);
      assert.ok(theirs.length > 0 && ours.every(({ length }) => length > 0), "somebody got nothing");
      assert.deepEqual(
        [...theirs, ...ours.flat()].sort((a, b) => Number(a) - Number(b)),
        all,
      );
    });
  });
