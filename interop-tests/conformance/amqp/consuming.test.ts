import assert from "node:assert/strict";
import { OperationalError } from "../../../src/errors.js";
import type { Queue } from "../../../src/protocol/queue.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { until } from "../../expect.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { AmqpStage, message, name, textOf, Watched } from "./stage.js";

describe("amqp consuming", function () {
  this.timeout(60_000);
  let stage: AmqpStage;

  before(async function () {
    stage = new AmqpStage(await need(this, () => startServer("rabbitmq")));
  });
  afterEach(() => stage?.reset());
  after(() => stage?.server.stop());

  const send = async (to: Queue, ...texts: string[]): Promise<void> => {
    const broker = stage.open();
    for (const text of texts) await broker.publish(message(text), toQueue(to.name), { declare: [to] });
  };

  it("takes the deletion of its queue for a lost connection and declares it again", async () => {
    const [a, b] = [queue(name("a")), queue(name("b"))];
    const reader = await new Watched(stage.open(), [a, b]).consuming();
    await send(b, "held");
    await reader.has(1);
    await (await stage.raw()).deleteQueue(a.name);
    await reader.consuming(2);
    assert.equal(reader.lost.length, 1);
    assert.match(String(reader.lost[0]), new RegExp(`queue "${a.name}".*deleted`));
    assert.equal(reader.lost[0]?.retriable, true);
    await reader.has(2);
    assert.equal(reader.deliveries[1]?.info.redelivered, true);
    await reader.deliveries[0]?.ack();
    await reader.deliveries[1]?.ack();
    await send(a, "new");
    await reader.has(3);
  });

  it("comes back when the server closes its connection, with everything in its hands void", async () => {
    const one = queue(name("one"));
    const reader = await new Watched(stage.open(), [one], { prefetch: 2 }).consuming();
    await send(one, "1", "2", "3");
    await reader.has(2);
    await stage.server.ctl?.("close_all_connections", "a test closes them");
    await reader.consuming(2);
    assert.equal(reader.lost.length, 1);
    assert.match(String(reader.lost[0]), /a test closes them/);
    await reader.has(4);
    // Acknowledging the void ones must not settle those with the same numbers on the new channel.
    for (const old of reader.deliveries.slice(0, 2)) await old.ack();
    await reader.consumer.close();
    assert.equal(await stage.open().size(one.name), 3);
  });

  it("adds and cancels queues while its connection is away", async () => {
    const [a, b, c] = [queue(name("a")), queue(name("b")), queue(name("c"))];
    const reader = await new Watched(stage.open(), [a, b]).consuming();
    await stage.server.ctl?.("close_all_connections", "a test closes them");
    await until(() => reader.lost.length === 1);
    await Promise.all([reader.consumer.add(c), reader.consumer.cancel(a.name)]);
    await reader.consuming(2);
    await send(c, "c");
    await send(b, "b");
    await send(a, "a");
    await reader.has(2);
    assert.deepEqual(reader.texts.sort(), ["b", "c"]);
    assert.equal(await stage.open().size(a.name), 1);
  });

  it("limits quorum queues, also those that it does not know to be quorum queues", async () => {
    const declared = queue(name("quorum"), { arguments: { "x-queue-type": "quorum" } });
    const unknown = queue(name("quorum"));
    await (await stage.raw()).assertQueue(unknown.name, { arguments: { "x-queue-type": "quorum" } });
    for (const one of [declared, unknown]) {
      await send(one, ..."abcdef");
      const reader = await new Watched(stage.open(), [one], { prefetch: 2 }).has(2);
      const waiting = async (count: number): Promise<void> =>
        until(async () => (await stage.open().size(one.name)) === count && reader.deliveries.length === 6 - count);
      await waiting(4);
      reader.consumer.setPrefetch(3);
      await waiting(3);
      await reader.deliveries[0]?.ack();
      await waiting(2);
      reader.consumer.setPrefetch(4);
      reader.consumer.setPrefetch(0);
      await waiting(0);
      assert.deepEqual(reader.texts.sort(), [..."abcdef"]);
      assert.deepEqual(reader.lost, []);
      await reader.consumer.close();
      await until(async () => (await stage.open().size(one.name)) === 5);
      await stage.open().delete(one);
    }
  });

  it("holds the limit over several quorum queues", async () => {
    const list = ["p", "q"].map((what) => queue(name(what), { arguments: { "x-queue-type": "quorum" } }));
    for (const one of list) await send(one, ...Array.from({ length: 5 }, (_, n) => `${n}`));
    const reader = await new Watched(stage.open(), list, { prefetch: 2 }).has(2);
    for (let n = 0; n < 10; n++) {
      await reader.has(n + 1);
      assert.ok(reader.deliveries.length <= n + 2, `${reader.deliveries.length} after ${n} acknowledged`);
      await reader.deliveries[n]?.ack();
    }
    await reader.consumer.close();
    for (const one of list) await stage.open().delete(one);
  });

  it("gives up after connectionMaxRetries, and at once without connectionRetry", async () => {
    const away = "amqp://guest:hidden@127.0.0.1:1//";
    const patient = new Watched(stage.open({ connectionMaxRetries: 2 }, away), [queue("x")]);
    await patient.end;
    assert.ok(patient.error instanceof OperationalError);
    assert.match(patient.error.message, /gave up after 2 attempts.*ECONNREFUSED/);
    assert.ok(!patient.error.message.includes("hidden"));
    const hasty = new Watched(stage.open({ connectionRetry: false }, away), [queue("x")]);
    await hasty.end;
    assert.match(String(hasty.error), /ECONNREFUSED/);
    const once = await new Watched(stage.open({ connectionRetry: false }), [queue(name("once"))]).consuming();
    await stage.server.ctl?.("close_all_connections", "a test closes them");
    await once.end;
    assert.match(String(once.error), /a test closes them/);
    assert.equal(once.lost.length, 1);
  });

  it("keeps the rest when it refuses to add a queue", async () => {
    const [a, b] = [queue(name("a")), queue(name("b"))];
    const owner = stage.open();
    const locked = queue(name("locked"), { exclusive: true, durable: false });
    await owner.declare(locked);
    const reader = await new Watched(stage.open(), [a]).consuming();
    await assert.rejects(reader.consumer.add(locked), OperationalError);
    await reader.consumer.add(b);
    await send(b, "b");
    await reader.has(1);
    assert.deepEqual(reader.lost, []);
  });

  it("hands out the properties and the way of a message", async () => {
    const one = queue(name("one"));
    const broker = stage.open();
    const sent = message(
      "x",
      {
        correlationId: "c",
        replyTo: "r",
        deliveryMode: 2,
        priority: 7,
        expiration: "60000",
        other: { message_id: "m", app_id: "a", type: "t", timestamp: 1700000000, user_id: "guest" },
      },
      { n: 1n << 60n, list: [300, null, { deep: -1 }], when: new Date(1700000000_000), text: "é" },
    );
    await broker.declare(one);
    await broker.publish(sent, { exchange: one.exchange, routingKey: one.routingKey });
    const reader = await new Watched(broker, [one]).has(1);
    const [delivery] = reader.deliveries;
    assert.ok(delivery);
    assert.deepEqual(delivery.message, sent);
    assert.deepEqual(delivery.info, {
      exchange: one.exchange.name,
      routingKey: one.routingKey,
      priority: 7,
      redelivered: false,
    });
    assert.deepEqual([delivery.queue, textOf(delivery)], [one.name, "x"]);
  });

  it("reads what RabbitMQ writes about a dead letter", async () => {
    const [dead, one] = [queue(name("dead")), queue(name("one"))];
    const first = queue(one.name, {
      arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name },
    });
    const broker = stage.open();
    await broker.declare(dead);
    await send(first, "x");
    const reader = await new Watched(broker, [first]).has(1);
    await reader.deliveries[0]?.reject({ requeue: false });
    const buried = await new Watched(broker, [dead]).has(1);
    const headers = buried.deliveries[0]?.message.headers as { "x-death": Record<string, unknown>[] };
    const [death] = headers["x-death"];
    assert.deepEqual([death?.count, death?.reason, death?.queue], [1, "rejected", first.name]);
    assert.ok(death?.time instanceof Date);
  });
});
