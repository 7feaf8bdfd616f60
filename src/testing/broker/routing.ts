import assert from "node:assert/strict";
import type { Broker } from "../../brokers/broker.js";
import { NotSupported, PublishError } from "../../errors.js";
import { defaultExchange, exchange, toQueue } from "../../protocol/queue.js";
import type { Destination, Queue } from "../../protocol/queue.js";
import { deferred } from "../../util/deferred.js";
import { now } from "../../util/time.js";
import { until, within } from "../harness.js";
import { newName, Reader, textMessage, textOf } from "./scene.js";
import type { Define } from "./scene.js";

/** A reader that is consuming when this resolves. */
async function listening(broker: Broker, ...queues: Queue[]): Promise<Reader> {
  const connected = deferred();
  const reader = new Reader(broker.consume(queues, { onConnected: () => connected.resolve() }));
  await within("a consumer to connect", connected.promise);
  return reader;
}

const refused = (error: unknown): boolean => error instanceof NotSupported;

/** Exchanges, priorities, delays and expirations: what is claimed works, what is not is refused. */
export function routingTests(define: Define): void {
  define("routes by the binding of a named direct exchange, and tells when nothing is bound", async (scene) => {
    const broker = await scene.open();
    const direct = exchange(newName("direct"));
    const a = scene.queue({ exchange: direct, routingKey: "key.a" });
    const b = scene.queue({ exchange: direct, routingKey: "key.b" });
    await broker.declare(a);
    await broker.declare(b);
    const other = await scene.open();
    await other.publish(textMessage("for a"), { exchange: direct, routingKey: "key.a" });
    await other.publish(textMessage("for b"), { exchange: direct, routingKey: "key.b" });
    const reader = await new Reader(broker.consume([a, b])).hasOnly(2);
    assert.deepEqual(
      reader.deliveries.map((one) => [one.queue, textOf(one), one.info.exchange, one.info.routingKey]).sort(),
      [
        [a.name, "for a", direct.name, "key.a"],
        [b.name, "for b", direct.name, "key.b"],
      ].sort(),
    );
    const nowhere: Destination = { exchange: direct, routingKey: "key.c" };
    await broker.publish(textMessage("lost"), nowhere, { mandatory: false });
    if (broker.capabilities.unroutable) {
      const unroutable = (error: unknown): boolean =>
        error instanceof PublishError && error.message.includes(direct.name) && error.message.includes("key.c");
      await assert.rejects(broker.publish(textMessage("lost"), nowhere), unroutable);
    }
    await reader.hasOnly(2);
  });

  define("a queue with several bindings gets what matches any of them, once", async (scene) => {
    const broker = await scene.open();
    const direct = exchange(newName("direct"));
    const queue = scene.queue({
      exchange: direct,
      routingKey: "one",
      bindings: [
        { exchange: direct, routingKey: "two", arguments: {} },
        { exchange: exchange(newName("direct")), routingKey: "one", arguments: {} },
      ],
    });
    await broker.declare(queue);
    await broker.publish(textMessage("1"), { exchange: direct, routingKey: "one" });
    await broker.publish(textMessage("2"), { exchange: direct, routingKey: "two" });
    const reader = await new Reader(broker.consume([queue])).hasOnly(2);
    assert.deepEqual(reader.texts, ["1", "2"]);
  });

  define("a fanout exchange copies to every bound queue, and to nobody when none is", async (scene) => {
    const [broker, other] = [await scene.open(), await scene.open()];
    const fanout = exchange(newName("fanout"), { type: "fanout", durable: false });
    const to: Destination = { exchange: fanout, routingKey: "" };
    const temporary = { exchange: fanout, routingKey: "", durable: false, autoDelete: true };
    if (!broker.capabilities.fanout) {
      await assert.rejects(broker.declare(scene.queue(temporary)), refused);
      await assert.rejects(broker.publish(textMessage("x"), to), refused);
      return;
    }
    await broker.publish(textMessage("nobody"), to, { mandatory: false });
    const readers = [
      await listening(broker, scene.queue(temporary)),
      await listening(broker, scene.queue(temporary)),
      await listening(other, scene.queue(temporary)),
    ];
    await other.publish(textMessage("all"), to, { mandatory: false });
    for (const reader of readers) {
      await reader.hasOnly(1);
      assert.deepEqual(reader.texts, ["all"]);
      assert.equal(reader.deliveries[0]?.info.exchange, fanout.name);
      await (await reader.nth(0)).ack();
    }
  });

  define("a fanout delivery that is rejected with requeue comes again", async (scene) => {
    const broker = await scene.open();
    if (!broker.capabilities.fanout) return;
    const fanout = exchange(newName("fanout"), { type: "fanout", durable: false });
    const queue = scene.queue({ exchange: fanout, routingKey: "", durable: false, autoDelete: true });
    const reader = await listening(broker, queue);
    await broker.publish(textMessage("all"), { exchange: fanout, routingKey: "" });
    await (await reader.nth(0)).reject({ requeue: true });
    const again = await reader.nth(1);
    assert.equal(textOf(again), "all");
    assert.equal(again.info.redelivered, true);
    await again.ack();
    await reader.hasOnly(2);
  });

  define("a topic exchange routes by pattern", async (scene) => {
    const broker = await scene.open();
    const topic = exchange(newName("topic"), { type: "topic" });
    const stars = scene.queue({ exchange: topic, routingKey: "worker.*" });
    if (!broker.capabilities.topic) {
      await assert.rejects(broker.declare(stars), refused);
      return;
    }
    const all = scene.queue({ exchange: topic, routingKey: "#" });
    const exact = scene.queue({ exchange: topic, routingKey: "task.sent" });
    for (const queue of [stars, all, exact]) await broker.declare(queue);
    const other = await scene.open();
    for (const key of ["worker.online", "task.sent", "task.received"])
      await other.publish(textMessage(key), { exchange: topic, routingKey: key });
    const expected: [Queue, string[]][] = [
      [stars, ["worker.online"]],
      [all, ["worker.online", "task.sent", "task.received"]],
      [exact, ["task.sent"]],
    ];
    for (const [queue, keys] of expected) {
      const reader = await new Reader(broker.consume([queue])).hasOnly(keys.length);
      assert.deepEqual(reader.texts, keys);
      for (const delivery of reader.deliveries) await delivery.ack();
    }
  });

  define("serves priorities from the end that it claims", async (scene) => {
    const broker = await scene.open();
    const { priority: claimed } = broker.capabilities;
    const queue = scene.queue(claimed === "highest-first" ? { arguments: { "x-max-priority": 9 } } : {});
    await broker.declare(queue);
    const priorities = [6, 0, 9, 3, 0, 9, 6, 3];
    for (const [index, priority] of priorities.entries())
      await broker.publish(textMessage(`${priority}/${index}`, { priority }), toQueue(queue.name));
    await until("all of them waiting", async () => (await broker.size(queue.name)) === priorities.length);
    const reader = new Reader(broker.consume([queue], { prefetch: 1 }), (delivery) => delivery.ack());
    await reader.hasOnly(priorities.length);
    const lowestFirst = ["0/1", "0/4", "3/3", "3/7", "6/0", "6/6", "9/2", "9/5"];
    const inOrder = priorities.map((priority, index) => `${priority}/${index}`);
    const highestFirst = ["9/2", "9/5", "6/0", "6/6", "3/3", "3/7", "0/1", "0/4"];
    assert.deepEqual(
      reader.texts,
      claimed === "lowest-first" ? lowestFirst : claimed === "highest-first" ? highestFirst : inOrder,
    );
    assert.deepEqual(
      reader.deliveries.map((one) => `${one.info.priority}`),
      reader.texts.map((text) => text[0]),
    );
  });

  define("holds back what is not wanted yet, where it claims to", async (scene) => {
    const broker = await scene.open();
    const claimed = broker.capabilities.delay === "quorum-queues";
    const topic = exchange(newName("exchange"), { type: "topic" });
    const queue = claimed
      ? scene.queue({ exchange: topic, arguments: { "x-queue-type": "quorum" } })
      : scene.queue({ exchange: defaultExchange });
    const to = claimed ? { exchange: topic, routingKey: queue.routingKey } : toQueue(queue.name);
    const connected = deferred();
    const onConnected = (): void => connected.resolve();
    const reader = new Reader(broker.consume([queue], { delayedQueues: [queue], onConnected }));
    await within("a consumer that is ready for delayed messages", connected.promise);
    const wait = claimed ? 3000 : 600_000;
    const due = now() + wait;
    await broker.publish(textMessage("later"), to, { declare: [queue], delay: { until: due, queues: [queue] } });
    const delivery = await reader.nth(0);
    const early = due - now();
    await delivery.ack();
    // The broker counts whole seconds; one that holds nothing back ignores all of it.
    if (claimed) assert.ok(early < 1500, `it came ${early} ms before its time`);
    else assert.ok(early > wait / 2, "it was held back, which is not claimed");
  });

  define("carries the expiration, and drops what is over when it claims to", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    await broker.declare(queue);
    await broker.publish(textMessage("long", { expiration: "600000" }), toQueue(queue.name));
    await broker.publish(textMessage("short", { expiration: "30" }), toQueue(queue.name));
    await broker.publish(textMessage("none"), toQueue(queue.name));
    const expected = broker.capabilities.expiration ? ["long", "none"] : ["long", "short", "none"];
    if (broker.capabilities.expiration) {
      // Only the head of a queue has to expire, so the one before it is taken away first.
      const first = new Reader(broker.consume([queue], { prefetch: 1 }));
      await (await first.nth(0)).reject({ requeue: false });
      await first.consumer.close();
      expected.shift();
      await until("the expired message to be dropped", async () => (await broker.size(queue.name)) === expected.length);
    }
    const reader = await new Reader(broker.consume([queue])).hasOnly(expected.length);
    assert.deepEqual(reader.texts, expected);
    if (!broker.capabilities.expiration)
      assert.deepEqual(
        reader.deliveries.map((one) => one.message.properties.expiration),
        ["600000", "30", undefined],
      );
  });
}
