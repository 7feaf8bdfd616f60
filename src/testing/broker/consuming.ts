import assert from "node:assert/strict";
import type { Broker, Delivery } from "../../brokers/broker.js";
import type { DecodeError } from "../../errors.js";
import { toQueue } from "../../protocol/queue.js";
import type { Queue } from "../../protocol/queue.js";
import { deferred } from "../../util/deferred.js";
import { until, within } from "../harness.js";
import { assertTexts, Reader, textMessage, textOf } from "./scene.js";
import type { BrokerHarness, Define, Scene } from "./scene.js";

async function fill(broker: Broker, queue: Queue, ...texts: string[]): Promise<void> {
  await broker.declare(queue);
  for (const text of texts) await broker.publish(textMessage(text), toQueue(queue.name));
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

/** A broker and a queue with these messages in it. */
async function stage(scene: Scene, ...texts: string[]): Promise<{ broker: Broker; queue: Queue }> {
  const broker = await scene.open();
  const queue = scene.queue();
  await fill(broker, queue, ...texts);
  return { broker, queue };
}

/** Settling, prefetch, sharing, stopping and closing. */
export function consumingTests(define: Define, harness: BrokerHarness): void {
  define("an acknowledged message is gone", async (scene) => {
    const { broker, queue } = await stage(scene, "a", "b");
    const reader = new Reader(broker.consume([queue]));
    for (const index of [0, 1]) await (await reader.nth(index)).ack();
    await reader.consumer.close();
    await new Reader(broker.consume([queue])).hasOnly(0);
  });

  define("a rejected message is gone, or comes again marked as redelivered", async (scene) => {
    const { broker, queue } = await stage(scene, "drop", "again");
    const reader = new Reader(broker.consume([queue]));
    await (await reader.nth(0)).reject({ requeue: false });
    const first = await reader.nth(1);
    assert.equal(first.info.redelivered, false);
    await first.reject({ requeue: true });
    const second = await reader.nth(2);
    assert.equal(textOf(second), "again");
    assert.equal(second.info.redelivered, true);
    await second.ack();
    await reader.hasOnly(3);
    await reader.consumer.close();
    assert.equal(await broker.size(queue.name), 0);
  });

  define("settling twice does nothing", async (scene) => {
    const { broker, queue } = await stage(scene, "a");
    const reader = new Reader(broker.consume([queue]));
    const delivery = await reader.nth(0);
    await delivery.ack();
    await delivery.ack();
    await delivery.reject({ requeue: true });
    await fill(broker, queue, "b");
    await (await reader.nth(1)).ack();
    await reader.hasOnly(2);
    await reader.consumer.close();
    await delivery.reject({ requeue: true });
    await new Reader(broker.consume([queue])).hasOnly(0);
  });

  define("hands out no more than the prefetch limit, which can be raised and lowered", async (scene) => {
    const { broker, queue } = await stage(scene, ...numbers(12));
    const reader = new Reader(broker.consume([queue], { prefetch: 2 }));
    await reader.hasOnly(2);
    await (await reader.nth(0)).ack();
    await reader.hasOnly(3);
    reader.consumer.setPrefetch(5);
    await reader.hasOnly(6);
    reader.consumer.setPrefetch(1);
    for (const index of [1, 2, 3, 4]) await (await reader.nth(index)).ack();
    await reader.hasOnly(6);
    await (await reader.nth(5)).ack();
    await reader.hasOnly(7);
    assertTexts(broker, reader.texts, numbers(7));
  });

  define("hands out no more messages in all than its credit, where it has one", async (scene) => {
    const { broker, queue } = await stage(scene, ...numbers(8));
    const consumer = broker.consume([queue], { prefetch: 3 });
    if (!consumer.setCredit) return void (await consumer.close());
    consumer.setCredit(0);
    const reader = new Reader(consumer);
    await reader.hasOnly(0);
    consumer.setCredit(2);
    await reader.hasOnly(2);
    // Acknowledging makes room in the prefetch limit, but is no credit.
    for (const index of [0, 1]) await (await reader.nth(index)).ack();
    await reader.hasOnly(2);
    consumer.setCredit(100);
    await reader.hasOnly(5);
    assertTexts(broker, reader.texts, numbers(5));
  });

  define("without acknowledgements everything is handed out and nothing comes back", async (scene) => {
    const { broker, queue } = await stage(scene, ...numbers(250));
    const reader = new Reader(broker.consume([queue], { noAck: true, prefetch: 1 }));
    await reader.hasOnly(250);
    assertTexts(broker, reader.texts, numbers(250));
    await (await reader.nth(0)).ack();
    await (await reader.nth(1)).reject({ requeue: true });
    await reader.consumer.close();
    assert.equal(await broker.size(queue.name), 0);
  });

  define("a consumer that waits gets a new message soon, also without a prefetch limit", async (scene) => {
    const { broker, queue } = await stage(scene);
    const sender = await scene.open();
    const connected = deferred();
    const reader = new Reader(broker.consume([queue], { onConnected: () => connected.resolve() }));
    await within("the consumer to connect", connected.promise);
    await reader.hasOnly(0);
    for (let n = 0; n < 3; n++) {
      await fill(sender, queue, `n${n}`);
      await within(
        "a message for a waiting consumer",
        reader.nth(n),
        broker.capabilities.delivery === "push" ? 1000 : 5000,
      );
    }
  });

  define("two consumers share a queue", async (scene) => {
    const { broker, queue } = await stage(scene, ...numbers(20));
    const other = await scene.open();
    const hold = deferred();
    // Nobody acknowledges until both have something, so neither can take all of it.
    const ackLater = async (delivery: Delivery): Promise<void> => {
      await hold.promise;
      await delivery.ack();
    };
    const readers = [broker, other].map((one) => new Reader(one.consume([queue], { prefetch: 1 }), ackLater));
    for (const reader of readers) await reader.has(1);
    hold.resolve();
    const all = (): string[] => readers.flatMap((reader) => reader.texts);
    await until("all twenty", () => all().length >= 20);
    for (const reader of readers) await reader.hasOnly(reader.deliveries.length);
    assert.deepEqual(all().sort(), numbers(20).sort());
  });

  define("one consumer reads several queues, and more or fewer of them later", async (scene) => {
    const { broker, queue: a } = await stage(scene, "a0");
    const [b, c] = [scene.queue(), scene.queue()];
    await fill(broker, b, "b0");
    await fill(broker, c, "c0");
    const reader = new Reader(broker.consume([a, b]));
    await reader.hasOnly(2);
    assert.deepEqual(
      reader.deliveries.map((one) => [one.queue, textOf(one)]).sort(),
      [
        [a.name, "a0"],
        [b.name, "b0"],
      ].sort(),
    );
    await reader.consumer.add(c);
    assert.equal(textOf(await reader.nth(2)), "c0");
    await reader.consumer.cancel(a.name);
    await fill(broker, a, "a1");
    await fill(broker, b, "b1");
    assert.equal(textOf(await reader.nth(3)), "b1");
    await reader.hasOnly(4);
    for (const delivery of reader.deliveries) await delivery.ack();
    await until("the cancelled queue to keep its message", async () => (await broker.size(a.name)) === 1);
  });

  define("consuming declares the queue", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    const connected = deferred();
    const reader = new Reader(broker.consume([queue], { onConnected: () => connected.resolve() }));
    await within("the consumer to connect", connected.promise);
    await (await scene.open()).publish(textMessage("x"), { exchange: queue.exchange, routingKey: queue.routingKey });
    assert.equal(textOf(await reader.nth(0)), "x");
  });

  define("stop gives back what was not handed out; what was can still be settled", async (scene) => {
    const { broker, queue } = await stage(scene, ...numbers(5));
    const consumer = broker.consume([queue], { prefetch: 3 });
    const iterator = consumer[Symbol.asyncIterator]();
    const first = await iterator.next();
    assert.ok(!first.done);
    await until("two messages waiting in the server", async () => (await broker.size(queue.name)) <= 2);
    await consumer.stop();
    assert.equal((await within("the iteration to end", iterator.next())).done, true);
    await until("four messages given back", async () => (await broker.size(queue.name)) === 4);
    await first.value.ack();
    await consumer.close();
    const rest = await new Reader(broker.consume([queue])).hasOnly(4);
    assert.deepEqual(rest.texts.sort(), numbers(5).slice(1));
  });

  define("close gives back everything not settled, oldest first and marked as redelivered", async (scene) => {
    const { broker, queue } = await stage(scene, ...numbers(6));
    const reader = await new Reader(broker.consume([queue], { prefetch: 4 })).has(4);
    await (await reader.nth(1)).ack();
    await reader.hasOnly(5);
    await reader.consumer.close();
    await within("the iteration to end", reader.end);
    await (await reader.nth(0)).ack();
    const next = await new Reader((await scene.open()).consume([queue])).hasOnly(5);
    assertTexts(broker, next.texts, ["n0", "n2", "n3", "n4", "n5"]);
    for (const one of next.deliveries) assert.equal(one.info.redelivered, textOf(one) !== "n5");
  });

  define("leaving the loop closes the consumer", async (scene) => {
    const { broker, queue } = await stage(scene, "a", "b", "c");
    const consumer = broker.consume([queue], { prefetch: 2 });
    for await (const delivery of consumer) {
      await delivery.ack();
      break;
    }
    await until("two messages given back", async () => (await broker.size(queue.name)) === 2);
    const next = await new Reader(broker.consume([queue])).hasOnly(2);
    assertTexts(broker, next.texts, ["b", "c"]);
  });

  define("closing the broker ends its consumers and gives back what they hold", async (scene) => {
    const { broker, queue } = await stage(scene, "a", "b");
    const reader = await new Reader(broker.consume([queue])).has(2);
    await broker.close();
    await within("the iteration to end", reader.end);
    assert.equal(reader.error, undefined);
    await new Reader((await scene.open()).consume([queue])).hasOnly(2);
  });

  define("opening and closing without use leaves nothing behind", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    const consumer = broker.consume([queue]);
    await consumer.close();
    const other = broker.consume([queue]);
    await Promise.all([other.stop(), other.close(), broker.close()]);
  });

  if (harness.poison)
    define("a message that is not kombu's is dropped and told, and the next one comes", async (scene) => {
      const { broker, queue } = await stage(scene, "before");
      await harness.poison?.(queue.name);
      await fill(broker, queue, "after");
      const told: [DecodeError, string][] = [];
      const reader = new Reader(
        broker.consume([queue], { prefetch: 1, onUndecodable: (error, from) => told.push([error, from]) }),
        (delivery) => delivery.ack(),
      );
      await reader.hasOnly(2);
      assert.deepEqual(reader.texts, ["before", "after"]);
      assert.equal(told.length, 1);
      assert.equal(told[0]?.[1], queue.name);
      await reader.consumer.close();
      assert.equal(await broker.size(queue.name), 0);
    });
}
