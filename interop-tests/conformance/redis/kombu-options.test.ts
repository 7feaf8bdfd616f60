import assert from "node:assert/strict";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import type { Queue } from "../../../src/protocol/queue.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { until } from "../../../src/testing/harness.js";
import { commonPlace } from "../../drivers/place.js";
import { uniqueName } from "../../drivers/index.js";
import { newestCelery } from "../../python/venvs.mjs";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { KombuPeer } from "../kombu/peer.js";
import { RedisStage } from "./stage.js";

/** The same transport options on both sides, both ways: what each writes, the other one finds. */
describe("redis broker: kombu's options beside kombu", function () {
  this.timeout(60_000);
  let stage: RedisStage;
  const peers: KombuPeer[] = [];

  before(async function () {
    stage = new RedisStage(await need(this, () => startServer("redis")));
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
    await stage.reset();
  });
  after(async () => {
    await stage?.end();
    await stage?.server.stop();
  });

  async function kombu(options: object): Promise<KombuPeer> {
    const peer = await KombuPeer.start(commonPlace(stage.url, null), newestCelery, options);
    peers.push(peer);
    return peer;
  }

  const jsonMessage = (value: unknown, priority = 0): ReturnType<typeof textMessage> => ({
    ...textMessage(JSON.stringify(value), { priority }),
    contentType: "application/json",
    contentEncoding: "utf-8",
  });

  const layouts: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    "sep and priority_steps": { sep: ":", priority_steps: [0, 5, 9] },
    global_keyprefix: { global_keyprefix: "{app}:" },
    "names of the records": {
      unacked_key: "u",
      unacked_index_key: "ui",
      unacked_mutex_key: "um",
      global_keyprefix: "p.",
    },
    body_encoding: { body_encoding: "utf-8" },
  };
  for (const [what, options] of Object.entries(layouts))
    it(`${what}: messages of every priority, bindings, records`, async () => {
      const name = uniqueName("layout");
      const peer = await kombu(options);
      // With a prefix kombu looks for the queue without it, and does not find any (its EXISTS is not prefixed).
      const sizes = async (): Promise<number[]> => [
        await broker.size(name),
        prefix === "" ? await peer.ask<number>("size", { queue: name }) : await broker.size(name),
      ];
      const prefix = (options["global_keyprefix"] ?? "") as string;
      const broker = stage.open({ ...options, visibility_timeout: 1000 });
      const topic = exchange(`${name}.topic`, { type: "topic" });
      const ours = queue(name, { exchange: topic, routingKey: "a.#" });
      for (const priority of [9, 6, 5, 4, 0]) {
        await broker.publish(jsonMessage({ priority }, priority), toQueue(name), { declare: [ours] });
        await peer.put({ body: { priority }, queue: name, priority });
      }
      const theirs = { queue: name, exchange: topic.name, type: "topic", routing_key: "a.#" } as const;
      await peer.put({
        body: { topic: true },
        exchange: topic.name,
        type: "topic",
        routing_key: "a.b",
        declare: [theirs],
      });
      assert.deepEqual(await sizes(), [11, 11]);
      // Ours takes the first half and dies, as far as its records tell; kombu restores and gets all of them.
      const reader = await new Reader(broker.consume([ours], { prefetch: 5 })).has(5);
      const order = reader.deliveries.map(({ info }) => info.priority);
      assert.ok(
        order.every((priority) => (priority ?? 0) < 6),
        `the lowest steps first: ${order.join()}`,
      );
      const restorer = await kombu({ ...options, visibility_timeout: 0 });
      await restorer.ask("restore_visible");
      assert.deepEqual(await sizes(), [11, 11]);
      await peer.listen([theirs]);
      assert.equal((await peer.collect(11)).length, 11);
      await reader.consumer.close();
      assert.equal(await broker.size(name), 0, "the records were somebody else's");
      const keys = await stage.raw.keys("*");
      assert.ok(
        keys.every((key) => key.startsWith(prefix)),
        keys.join(", "),
      );
    });

  for (const [what, options] of Object.entries({
    "as usual": {},
    "fanout_prefix of one's own": { fanout_prefix: "/own{db}." },
    "fanout_prefix off": { fanout_prefix: false },
    "fanout_patterns off": { fanout_patterns: false },
    global_keyprefix: { global_keyprefix: "p:" },
  }))
    it(`fanout, ${what}`, async () => {
      const name = uniqueName("fan");
      const peer = await kombu(options);
      const broker = stage.open(options);
      const fanout = exchange(name, { type: "fanout" });
      let connected = 0;
      const reader = new Reader(
        broker.consume([queue(`${name}.ours`, { exchange: fanout, routingKey: "k.#" })], {
          onConnected: () => connected++,
        }),
        (delivery) => delivery.ack(),
      );
      await peer.listen([{ queue: `${name}.theirs`, exchange: name, type: "fanout", routing_key: "k.#" }]);
      await until("the subscription", () => connected === 1);
      await broker.publish(jsonMessage("ours"), { exchange: fanout, routingKey: "k.a" });
      await peer.put({ body: "theirs", exchange: name, type: "fanout", routing_key: "k.b" });
      await reader.has(2);
      assert.deepEqual(reader.texts.sort(), ['"ours"', '"theirs"']);
      const bodies = (await peer.collect(2)).map(({ body }) => body);
      assert.deepEqual(bodies.sort(), ["ours", "theirs"]);
    });

  it("ack_emulation off: nothing is recorded by either, and everything arrives", async () => {
    const name = uniqueName("bare");
    const options = { ack_emulation: false };
    const peer = await kombu(options);
    const broker = stage.open(options);
    await broker.publish(jsonMessage("ours"), toQueue(name));
    await peer.listen([{ queue: name }], { ack: false });
    assert.deepEqual(
      (await peer.collect(1)).map(({ body }) => body),
      ["ours"],
    );
    const other = uniqueName("bare");
    await peer.put({ body: "theirs", queue: other });
    await new Reader(broker.consume([queue(other)])).has(1);
    assert.equal(await stage.raw.exists("unacked", "unacked_index"), 0);
  });

  describe("queues that expire", () => {
    const expiring = (name: string): Queue =>
      queue(name, { exchange: exchange(`${name}.x`), routingKey: "k", arguments: { "x-expires": 60_000 } });

    /** Everything that a declaration and a publish leave behind, with times left as whether there are any. */
    async function left(name: string): Promise<Record<string, unknown>> {
      const deadline = Number(await stage.raw.zscore("_kombu.binding_deadlines", `${name}.x`));
      return {
        keys: (await stage.raw.keys("*")).map((key) => key.replaceAll(name, "NAME")).sort(),
        bindings: (await stage.raw.smembers(`_kombu.binding.${name}.x`)).map((one) => one.replaceAll(name, "NAME")),
        life: Math.round((deadline - Date.now()) / 60_000),
        expires: await Promise.all(
          [name, `${name}\x06\x166`].map(async (list) => Math.ceil((await stage.raw.pttl(list)) / 60_000)),
        ),
      };
    }

    it("leave the same keys, bindings and times as kombu's", async () => {
      const [a, b] = [uniqueName("expiring"), uniqueName("expiring")];
      const broker = stage.open();
      for (const priority of [0, 6])
        await broker.publish(jsonMessage("x", priority), toQueue(a), { declare: [expiring(a)] });
      const ours = await left(a);
      await stage.raw.flushdb();
      const peer = await kombu({});
      const declare = [{ queue: b, exchange: `${b}.x`, routing_key: "k", expires: 60 }];
      for (const priority of [0, 6]) await peer.put({ body: "x", queue: b, priority, declare });
      assert.deepEqual(ours, await left(b));
      assert.deepEqual(ours["expires"], [1, 1]);
      assert.equal(ours["life"], 60);
    });

    it("bindings that stay are known to kombu's sweep, in both directions", async () => {
      const name = uniqueName("sweep");
      const exchangeName = `${name}.x`;
      const broker = stage.open();
      await broker.declare(queue(name, { exchange: exchange(exchangeName), routingKey: "stays" }));
      await broker.declare(expiring(`${name}.expiring`));
      await broker.declare({ ...expiring(name), name: `${name}.mixed` });
      for (const one of [exchangeName, `${name}.expiring.x`]) await stage.raw.zadd("_kombu.binding_deadlines", 1, one);
      // Kombu's own sweep, which any consumer of an expiring queue runs.
      const peer = await kombu({});
      await peer.ask("sweep_bindings");
      assert.equal(await stage.raw.scard(`_kombu.binding.${exchangeName}`), 2, "one of them stays, so all do");
      assert.equal(await stage.raw.exists(`_kombu.binding.${name}.expiring.x`), 0);
      assert.equal(await stage.raw.zcard("_kombu.binding_deadlines"), 0);
      await broker.delete(queue(name, { exchange: exchange(exchangeName), routingKey: "stays" }));
      assert.equal(await stage.raw.exists(`_kombu.binding_permanent.${exchangeName}`), 0);
    });

    it("go away with their messages when nobody uses them", async () => {
      const name = uniqueName("gone");
      const broker = stage.open();
      const brief = queue(name, { arguments: { "x-expires": 200 } });
      for (const priority of [0, 9])
        await broker.publish(jsonMessage("x", priority), toQueue(name), { declare: [brief] });
      assert.equal(await broker.size(name), 2);
      await until("the queue to expire", async () => (await broker.size(name)) === 0);
      await broker.declare(queue(name));
      await broker.publish(jsonMessage("stays"), toQueue(name));
      assert.equal(await stage.raw.pttl(name), -1, "declared anew without an expiry");
    });
  });

  it("deadletter_queue takes what a direct exchange has no queue for", async () => {
    const name = uniqueName("dead");
    const options = { deadletter_queue: `${name}.letters` };
    const broker = stage.open(options);
    const peer = await kombu(options);
    await broker.publish(jsonMessage("ours"), { exchange: exchange(name), routingKey: "nobody" });
    await peer.put({ body: "theirs", exchange: name, routing_key: "nobody" });
    assert.equal(await broker.size(`${name}.letters`), 2);
    await assert.rejects(
      broker.publish(jsonMessage("x"), { exchange: exchange(`${name}.t`, { type: "topic" }), routingKey: "nobody" }),
      /no queue is bound/,
    );
  });
});
