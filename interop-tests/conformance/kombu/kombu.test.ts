import assert from "node:assert/strict";
import type { Broker } from "../../../src/brokers/broker.js";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import type { Message } from "../../../src/protocol/message.js";
import { Reader } from "../../../src/testing/broker/scene.js";
import { deferred } from "../../../src/util/deferred.js";
import { brokers, openBrokerAt, uniqueName } from "../../drivers/index.js";
import type { Place } from "../../drivers/index.js";
import { celeryVersions, newestCelery } from "../../python/venvs.mjs";
import { needShared } from "../../servers/shared.js";
import { KombuPeer } from "./peer.js";

const json = (value: unknown, properties: Message["properties"] = {}): Message => ({
  body: Buffer.from(JSON.stringify(value)),
  contentType: "application/json",
  contentEncoding: "utf-8",
  headers: { n: 300, none: null, list: [1, "ü"] },
  properties: { deliveryMode: 2, correlationId: "the-id", ...properties },
});

const valueOf = ({ body }: Message): unknown => JSON.parse(Buffer.from(body).toString());

/** Both directions at the level of messages, for the brokers whose format is kombu's own: Redis and folders. */
for (const driver of brokers.filter(({ name }) => ["redis", "sentinel", "filesystem"].includes(name)))
  for (const version of celeryVersions)
    describe(`kombu of Celery ${version} over ${driver.name}`, function () {
      this.timeout(60_000);
      let place: Place;
      let broker: Broker;
      let peer: KombuPeer;
      // Kombu 5.2 has no fanout on folders, and binds exchanges there in its own memory only.
      const onFolders = driver.name === "filesystem";
      const shared = !(onFolders && version.startsWith("5.2"));

      before(async function () {
        if (driver.server) await needShared(this, driver.server);
        place = await driver.prepare();
        broker = await openBrokerAt(place);
        peer = await KombuPeer.start(place, version);
      });
      after(async () => {
        await broker?.close();
        await peer?.kill();
        await place?.close();
      });

      it("reads what kombu sends", async () => {
        const name = uniqueName("in");
        const headers = { n: 300, none: null, list: [1, "ü"] };
        for (let n = 0; n < 3; n++)
          await peer.put({ body: { n }, queue: name, headers, correlation_id: "the-id", declare: [{ queue: name }] });
        const reader = new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack());
        await reader.hasOnly(3);
        const values = reader.deliveries.map(({ message }) => valueOf(message));
        // Kombu's own files of one millisecond are in no order.
        if (!onFolders) assert.deepEqual(values, [{ n: 0 }, { n: 1 }, { n: 2 }]);
        const { message, info } = await reader.nth(0);
        assert.deepEqual({ ...message.headers }, headers);
        assert.equal(message.properties.correlationId, "the-id");
        assert.equal(message.contentType, "application/json");
        assert.deepEqual({ ...info }, { exchange: "", routingKey: name, priority: 0, redelivered: false });
        await reader.consumer.close();
      });

      it("is read by kombu", async () => {
        const name = uniqueName("out");
        for (let n = 0; n < 3; n++) await broker.publish(json({ n }), toQueue(name), { declare: [queue(name)] });
        assert.equal(await peer.ask("size", { queue: name }), 3);
        await peer.listen([{ queue: name }]);
        const messages = await peer.collect(3);
        assert.deepEqual(
          messages.map(({ body }) => body),
          [{ n: 0 }, { n: 1 }, { n: 2 }],
        );
        assert.deepEqual(messages[0]?.headers, { n: 300, none: null, list: [1, "ü"] });
        assert.equal(messages[0]?.properties["correlation_id"], "the-id");
        assert.equal(await broker.size(name), 0);
      });

      it("counts and purges the same messages", async () => {
        const name = uniqueName("purge");
        for (let n = 0; n < 2; n++) await peer.put({ body: n, queue: name, declare: [{ queue: name }] });
        assert.equal(await broker.size(name), 2);
        assert.equal(await broker.purge(name), 2);
        await broker.publish(json(1), toQueue(name));
        assert.equal(await peer.ask("purge", { queue: name }), 1);
      });

      if (driver.name === "redis")
        it("agrees with kombu about priorities", async () => {
          const [out, back] = [uniqueName("prio"), uniqueName("prio")];
          const priorities = [9, 4, 0, 7, 2];
          for (const priority of priorities) {
            await broker.publish(json(priority, { priority }), toQueue(out), { declare: [queue(out)] });
            await peer.put({ body: priority, priority, queue: back, declare: [{ queue: back }] });
          }
          const expected = [0, 2, 4, 7, 9];
          await peer.listen([{ queue: out }]);
          assert.deepEqual(
            (await peer.collect(5)).map(({ body }) => body),
            expected,
          );
          const reader = await new Reader(broker.consume([queue(back)], { prefetch: 5 })).has(5);
          assert.deepEqual(
            reader.deliveries.map(({ message }) => valueOf(message)),
            expected,
          );
          await reader.consumer.close();
          await broker.purge(back);
        });

      if (!shared) return;

      it("shares bindings of direct and topic exchanges", async () => {
        for (const type of ["direct", "topic"] as const) {
          const name = uniqueName(type);
          const ex = exchange(name, { type });
          const key = type === "topic" ? "a.*.c_d-e" : "key";
          const hit = type === "topic" ? "a.b.c_d-e" : "key";
          const ours = queue(`${name}.ours`, { exchange: ex, routingKey: key });
          await broker.declare(ours);
          const theirs = { queue: `${name}.theirs`, exchange: name, type, routing_key: key };
          await peer.ask("declare", theirs);
          await peer.put({ body: "from kombu", exchange: name, type, routing_key: hit });
          await broker.publish(json("from us"), { exchange: ex, routingKey: hit });
          const reader = await new Reader(broker.consume([ours]), (one) => one.ack()).hasOnly(2);
          // Two processes may name their files within one millisecond, which leaves them in no order.
          const both = ["from kombu", "from us"];
          assert.deepEqual(reader.deliveries.map(({ message }) => valueOf(message)).toSorted(), both);
          await reader.consumer.close();
          await peer.listen([theirs]);
          assert.deepEqual((await peer.collect(2)).map(({ body }) => body).toSorted(), both);
          await broker.delete(ours);
          await broker.publish(json("again"), { exchange: ex, routingKey: hit });
          assert.deepEqual(
            (await peer.collect(1)).map(({ body }) => body),
            ["again"],
          );
        }
      });

      it("shares fanout exchanges", async () => {
        const name = uniqueName("fanout");
        const fanout = exchange(name, { type: "fanout", durable: false });
        const connected = deferred<void>();
        const ours = queue(`${name}.ours`, { exchange: fanout, routingKey: "", autoDelete: true, durable: false });
        const reader = new Reader(broker.consume([ours], { onConnected: () => connected.resolve() }), (one) =>
          one.ack(),
        );
        await connected.promise;
        await peer.listen([
          { queue: `${name}.theirs`, exchange: name, type: "fanout", routing_key: "", auto_delete: true },
        ]);
        await broker.publish(json("from us"), { exchange: fanout, routingKey: "" });
        assert.deepEqual(
          (await peer.collect(1)).map(({ body }) => body),
          ["from us"],
        );
        await peer.put({ body: "from kombu", exchange: name, type: "fanout", routing_key: "" });
        await reader.hasOnly(2);
        assert.deepEqual(
          reader.deliveries.map(({ message }) => valueOf(message)),
          ["from us", "from kombu"],
        );
        await reader.consumer.close();
      });

      if (driver.name === "redis")
        it("shares events, whose routing keys are part of the channel", async () => {
          const name = uniqueName("events");
          const events = exchange(name, { type: "fanout" });
          const connected = deferred<void>();
          const ours = queue(`${name}.ours`, { exchange: events, routingKey: "worker.#", autoDelete: true });
          const reader = new Reader(broker.consume([ours], { onConnected: () => connected.resolve(), noAck: true }));
          await connected.promise;
          // Kombu subscribes a channel once: a second fanout queue on it would hear nothing.
          const listener = await KombuPeer.start(place, version);
          await listener.listen([{ queue: `${name}.theirs`, exchange: name, type: "fanout", routing_key: "#" }]);
          await broker.publish(json("ours"), { exchange: events, routingKey: "worker.online" });
          await broker.publish(json("ours"), { exchange: events, routingKey: "task.sent" });
          assert.equal((await listener.collect(2)).length, 2);
          await listener.put({ body: "theirs", exchange: name, type: "fanout", routing_key: "worker.heartbeat" });
          await listener.put({ body: "theirs", exchange: name, type: "fanout", routing_key: "task.sent" });
          await reader.hasOnly(2);
          assert.deepEqual(
            reader.deliveries.map(({ info }) => info.routingKey),
            ["worker.online", "worker.heartbeat"],
          );
          await reader.consumer.close();
          await listener.kill();
        });

      it("gives back to kombu, and takes what kombu gives back", async () => {
        const name = uniqueName("back");
        for (let n = 0; n < 3; n++) await broker.publish(json(n), toQueue(name), { declare: [queue(name)] });
        const reader = await new Reader(broker.consume([queue(name)])).has(3);
        await reader.consumer.close();
        const other = await KombuPeer.start(place, version);
        try {
          await other.listen([{ queue: name }], { ack: false });
          const messages = await other.collect(3);
          assert.deepEqual(
            messages.map(({ body }) => body),
            [0, 1, 2],
          );
          if (driver.name === "redis") assert.ok(messages.every(({ headers }) => headers["redelivered"] === true));
          await other.ask("close");
        } finally {
          await other.kill();
        }
        const again = await new Reader(broker.consume([queue(name)]), (one) => one.ack()).hasOnly(3);
        assert.ok(again.deliveries.every(({ info }) => info.redelivered));
        await again.consumer.close();
      });

      if (driver.name === "redis" && version === newestCelery)
        it("restores what kombu left unacknowledged, and kombu restores ours, also from a named exchange", async () => {
          const name = uniqueName("restore");
          // A topic exchange: kombu would lose the message if its record named the exchange, which kombu does not know.
          const ours = queue(name, { exchange: exchange(`${name}.topic`, { type: "topic" }), routingKey: "a.#" });
          const dying = await openBrokerAt(place);
          await dying.publish(json("ours"), { exchange: ours.exchange, routingKey: "a.b" }, { declare: [ours] });
          await new Reader(dying.consume([ours], { prefetch: 1 })).has(1);
          const restorer = await KombuPeer.start(place, version, { visibility_timeout: 0 });
          const kombu = await KombuPeer.start(place, version);
          const theirs = uniqueName("restore");
          try {
            await restorer.ask("restore_visible");
            assert.equal(await broker.size(name), 1, "kombu did not restore our message");
            // The late acknowledgement of a message that was restored.
            await dying.close();
            assert.equal(await broker.size(name), 1);

            await kombu.put({ body: "theirs", queue: theirs, declare: [{ queue: theirs }] });
            await kombu.listen([{ queue: theirs }], { ack: false, prefetch: 1 });
            assert.equal((await kombu.collect(1)).length, 1);
            await kombu.kill();
            const eager = await openBrokerAt(place, { transportOptions: { visibility_timeout: 0 } });
            const reader = await new Reader(eager.consume([queue(theirs)])).has(1);
            assert.equal(reader.deliveries[0]?.info.redelivered, true);
            await reader.deliveries[0]?.ack();
            await eager.close();
          } finally {
            await restorer.kill();
            await kombu.kill();
          }
          await broker.delete(ours);
        });
    });
