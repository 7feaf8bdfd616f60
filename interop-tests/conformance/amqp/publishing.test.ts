import assert from "node:assert/strict";
import { EncodeError, OperationalError, PublishError } from "../../../src/errors.js";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import { until } from "../../expect.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

describe("amqp publishing", function () {
  this.timeout(60_000);
  let stage: AmqpStage;

  before(async function () {
    stage = new AmqpStage(await need(this, () => startServer("rabbitmq")));
  });
  afterEach(() => stage?.reset());
  after(() => stage?.server.stop());

  const retriable = (error: unknown): boolean => error instanceof OperationalError && error.retriable;

  it("tells exactly those who sent a message that reached no queue", async () => {
    const broker = stage.open();
    const there = queue(name("there"));
    await broker.declare(there);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 2000 }, (_, n) =>
        broker.publish(message(`m${n}`), n % 3 === 0 ? toQueue("nowhere") : toQueue(there.name)),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      outcomes.map((_, n) => (n % 3 === 0 ? "rejected" : "fulfilled")),
    );
    for (const outcome of outcomes)
      if (outcome.status === "rejected") {
        assert.ok(outcome.reason instanceof PublishError);
        assert.match(outcome.reason.message, /exchange "", routing key "nowhere" \(NO_ROUTE\): declare and bind/);
      }
    assert.equal(await broker.size(there.name), outcomes.filter(({ status }) => status === "fulfilled").length);
    await broker.publish(message("quiet"), toQueue("nowhere"), { mandatory: false });
  });

  it("declares again what was deleted behind its back", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    const options = { declare: [mine] };
    await broker.publish(message("1"), toQueue(mine.name), options);
    await (await stage.raw()).deleteQueue(mine.name);
    await assert.rejects(broker.publish(message("2"), toQueue(mine.name), options), PublishError);
    await broker.publish(message("3"), toQueue(mine.name), options);
    assert.equal(await broker.size(mine.name), 1);
  });

  it("survives an exchange that was deleted: a typed error for its messages, a new channel for the next", async () => {
    const broker = stage.open();
    const fanout = exchange(name("gone"), { type: "fanout" });
    const kept = queue(name("kept"));
    await broker.declare(kept);
    await broker.publish(message("first"), { exchange: fanout, routingKey: "" }, { mandatory: false });
    await (await stage.raw()).deleteExchange(fanout.name);
    const outcomes = await Promise.allSettled([
      broker.publish(message("a"), toQueue(kept.name)),
      broker.publish(message("b"), { exchange: fanout, routingKey: "" }),
      broker.publish(message("c"), toQueue(kept.name)),
    ]);
    const [a, b, c] = outcomes;
    assert.ok(b?.status === "rejected" && b.reason instanceof PublishError, "the message for it");
    assert.match(b.reason.message, new RegExp(`no exchange '${fanout.name}'.*declare the exchange`));
    // Its neighbours were confirmed before, or lost with the channel: then they may be sent again.
    for (const one of [a, c]) assert.ok(one?.status === "fulfilled" || retriable(one?.reason));
    await broker.publish(message("d"), toQueue(kept.name));
    await broker.publish(message("e"), { exchange: fanout, routingKey: "" }, { mandatory: false });
  });

  it("names the message that the broker refused", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    await broker.declare(mine);
    const forged = message("x", { other: { user_id: "somebody" } });
    await assert.rejects(broker.publish(forged, toQueue(mine.name)), (error: unknown) => {
      assert.ok(error instanceof PublishError);
      assert.match(error.message, /PRECONDITION_FAILED.*somebody/);
      return true;
    });
    await broker.publish(message("y"), toQueue(mine.name));
  });

  it("rejects with a retriable error what a full queue does not take", async () => {
    const broker = stage.open();
    const small = queue(name("small"), { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    await broker.declare(small);
    await broker.publish(message("1"), toQueue(small.name));
    await assert.rejects(broker.publish(message("2"), toQueue(small.name)), (error: unknown) => {
      assert.ok(retriable(error));
      assert.match(String(error), /nack/);
      return true;
    });
  });

  it("refuses what AMQP cannot carry before it harms the channel", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    await broker.declare(mine);
    const send = (one: ReturnType<typeof message>, key = mine.name) => broker.publish(one, toQueue(key));
    const fine = Array.from({ length: 20 }, () => send(message("ok")));
    await assert.rejects(send(message("x", {}, { big: "x".repeat(70_000) })), (error: unknown) => {
      assert.ok(error instanceof EncodeError);
      assert.match(error.message, /limit of 65536 bytes/);
      return true;
    });
    await assert.rejects(send(message("x", {}, { ["k".repeat(300)]: 1 })), /limit of 255 bytes/);
    await assert.rejects(send(message("x", { expiration: "soon" })), /expiration "soon".*milliseconds/);
    await assert.rejects(send(message("x", { priority: 256 })), EncodeError);
    await assert.rejects(send(message("x"), "k".repeat(256)), EncodeError);
    await Promise.all([...fine, send(message("ok"))]);
    assert.equal(await broker.size(mine.name), 21);
  });

  it("sends what expires after more than the 49 days that the broker can count (Python's publish fails)", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    const declare = [mine];
    for (const expiration of [String(2 ** 32 - 1), String(2 ** 32), "251606989230305"]) {
      const one = message("late");
      const late = { ...one, properties: { ...one.properties, expiration } };
      await broker.publish(late, toQueue(mine.name), { declare });
    }
    assert.equal(await broker.size(mine.name), 3);
  });

  it("loses no promise when all connections are closed under it", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    await broker.declare(mine);
    const errors: unknown[] = [];
    let confirmed = 0;
    let closed = false;
    // There is always something in flight, so that the closing hits something.
    const sender = async (): Promise<void> => {
      while (!closed)
        await broker.publish(message("x"), toQueue(mine.name), { declare: [mine] }).then(
          () => confirmed++,
          (error: unknown) => errors.push(error),
        );
    };
    const senders = Array.from({ length: 50 }, sender);
    // The server may just have confirmed everything when it says good-bye: then nothing was in flight.
    await until(async () => {
      await stage.server.ctl?.("close_all_connections", "a test closes them");
      return errors.length > 0;
    });
    closed = true;
    await Promise.all(senders);
    for (const error of errors) assert.ok(retriable(error), String(error));
    assert.ok(errors.some((error) => String(error).includes("may have arrived")));
    await broker.publish(message("after"), toQueue(mine.name), { declare: [mine] });
    assert.ok((await broker.size(mine.name)) > confirmed, "a confirmed message is missing");
  });

  it("waits while the broker is short of memory, says so, and still acknowledges", async () => {
    const ctl = async (...args: string[]): Promise<unknown> => stage.server.ctl?.(...args);
    const broker = stage.open();
    const mine = queue(name("mine"));
    await broker.publish(message("1"), toQueue(mine.name), { declare: [mine] });
    const reader = await new Watched(broker, [mine]).has(1);
    await ctl("set_vm_memory_high_watermark", "absolute", "1");
    try {
      const waiting = broker.publish(message("2"), toQueue(mine.name));
      await until(() => stage.lines.some(({ message: text }) => /short of resources/.test(text)));
      const stop = new AbortController();
      const aborted = assert.rejects(
        broker.publish(message("3"), toQueue(mine.name), { signal: stop.signal }),
        /enough/,
      );
      stop.abort(new Error("enough"));
      await aborted;
      await reader.deliveries[0]?.ack();
      const outside = await stage.raw();
      await until(async () => (await outside.checkQueue(mine.name)).messageCount === 0);
      await ctl("set_vm_memory_high_watermark", "0.4");
      await waiting;
      await reader.has(2);
    } finally {
      await ctl("set_vm_memory_high_watermark", "0.4");
    }
  });

  it("sends many more at once than the broker is given at a time", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    const count = 30_000;
    await broker.declare(mine);
    await Promise.all(Array.from({ length: count }, (_, n) => broker.publish(message(String(n)), toQueue(mine.name))));
    assert.equal(await broker.size(mine.name), count);
  });

  it("confirms what is on its way before it closes", async () => {
    const broker = stage.open();
    const mine = queue(name("mine"));
    await broker.declare(mine);
    const list = Array.from({ length: 1000 }, (_, n) => broker.publish(message(String(n)), toQueue(mine.name)));
    await broker.close();
    await Promise.all(list);
    await assert.rejects(broker.publish(message("late"), toQueue(mine.name)), OperationalError);
  });
});
