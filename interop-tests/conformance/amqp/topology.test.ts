import assert from "node:assert/strict";
import { DeclarationMismatch, EncodeError, ImproperlyConfigured, OperationalError } from "../../../src/errors.js";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import { needShared } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

describe("amqp topology", function () {
  this.timeout(60_000);
  let stage: AmqpStage;

  before(async function () {
    stage = new AmqpStage(await needShared(this, "rabbitmq"));
  });
  afterEach(() => stage?.reset());

  it("uses a queue that exists with other arguments as it is", async () => {
    const outside = await stage.raw();
    const one = queue(name("other"));
    await outside.assertQueue(one.name, { durable: false, arguments: { "x-max-priority": 10 } });
    const broker = stage.open();
    await broker.declare(one);
    await broker.publish(message("x"), toQueue(one.name), { declare: [one] });
    // The binding is made all the same.
    await broker.publish(message("y"), { exchange: one.exchange, routingKey: one.routingKey });
    const reader = await new Watched(broker, [one]).has(2);
    assert.deepEqual(reader.texts, ["x", "y"]);
    assert.equal(reader.connected, 1);
    await outside.deleteQueue(one.name);
    await outside.deleteExchange(one.name);
  });

  it("consumes an existing queue although its exchange has another type", async () => {
    const outside = await stage.raw();
    const one = queue(name("typed"));
    await outside.assertQueue(one.name);
    await outside.assertExchange(one.name, "topic");
    const broker = stage.open();
    await broker.publish(message("x"), toQueue(one.name), { declare: [one] });
    await new Watched(broker, [one]).has(1);
    await outside.deleteQueue(one.name);
    await outside.deleteExchange(one.name);
  });

  it("says once what is different when a new queue needs an exchange that exists otherwise", async () => {
    const outside = await stage.raw();
    const one = queue(name("new"), { exchange: exchange(name("box"), { type: "fanout", durable: false }) });
    await outside.assertExchange(one.exchange.name, "direct");
    const broker = stage.open();
    const mismatch = (error: unknown): boolean => {
      assert.ok(error instanceof DeclarationMismatch, String(error));
      assert.match(error.message, new RegExp(`exchange "${one.exchange.name}".*(type|durable).*received`, "s"));
      return true;
    };
    await assert.rejects(broker.declare(one), mismatch);
    const reader = new Watched(broker, [one]);
    await reader.end;
    assert.ok(mismatch(reader.error));
    assert.equal(stage.lines.length, 0, JSON.stringify(stage.lines));
    await outside.deleteExchange(one.exchange.name);
  });

  it("declares the same new queue differently in two places: each works or tells the difference", async () => {
    for (let round = 0; round < 5; round++) {
      const plain = queue(name("race"));
      const special = queue(plain.name, { arguments: { "x-max-priority": 5 } });
      const outcomes = await Promise.allSettled([stage.open().declare(plain), stage.open().declare(special)]);
      for (const one of outcomes)
        if (one.status === "rejected") {
          assert.ok(one.reason instanceof DeclarationMismatch, String(one.reason));
          assert.match(one.reason.message, new RegExp(`queue "${plain.name}".*x-max-priority`));
        }
      assert.ok(outcomes.some(({ status }) => status === "fulfilled"));
      await stage.open().delete(plain);
    }
  });

  it("keeps an exclusive queue with its owner", async () => {
    const owner = stage.open();
    const mine = queue(name("exclusive"), { exclusive: true, durable: false, autoDelete: true });
    await owner.declare(mine);
    const sender = stage.open();
    await sender.publish(message("x"), toQueue(mine.name));
    assert.equal(await owner.size(mine.name), 1);
    assert.equal(await owner.purge(mine.name), 1);
    const reader = await new Watched(owner, [mine]).consuming();
    await sender.publish(message("y"), toQueue(mine.name));
    await reader.has(1);
    const locked = (error: unknown): boolean => {
      assert.ok(error instanceof OperationalError);
      assert.equal(error.retriable, false);
      assert.match(error.message, new RegExp(`${mine.name}.*same name in use twice`, "s"));
      return true;
    };
    await assert.rejects(sender.declare(mine), locked);
    const other = new Watched(sender, [mine]);
    await other.end;
    assert.ok(locked(other.error));
    await owner.delete(mine);
  });

  it("binds a queue of a name-less exchange to nothing, and deletes what is not there", async () => {
    const broker = stage.open();
    const one = queue(name("bare"), { exchange: exchange("") });
    await broker.declare(one);
    await broker.publish(message("x"), toQueue(one.name));
    assert.equal(await broker.size(one.name), 1);
    await broker.delete(one);
    await broker.delete(one);
    assert.equal(await broker.size(one.name), 0);
    assert.equal(await broker.purge(one.name), 0);
  });

  it("goes on after a declaration that cannot even be written", async () => {
    const broker = stage.open();
    const long = queue("q".repeat(256), { exchange: exchange("") });
    const [bad, good, worse] = await Promise.allSettled([
      broker.declare(long),
      broker.size(name("missing")),
      broker.declare(queue(name("bad"), { arguments: { odd: () => 1 } })),
    ]);
    assert.ok(bad?.status === "rejected" && bad.reason instanceof ImproperlyConfigured, "the long name");
    assert.equal(good?.status, "fulfilled");
    assert.ok(worse?.status === "rejected" && worse.reason instanceof EncodeError, "the odd argument");
    assert.equal(await broker.size(name("missing")), 0);
  });
});
