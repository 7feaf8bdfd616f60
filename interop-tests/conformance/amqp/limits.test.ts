import assert from "node:assert/strict";
import { Celery } from "../../../src/index.js";
import { Worker } from "../../../src/worker/index.js";
import { OperationalError, PublishError } from "../../../src/errors.js";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import { recordingLogger, until } from "../../expect.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

/** What a server refuses, and what it makes its clients wait for. */
describe("amqp limits of the server", function () {
  this.timeout(60_000);
  let stage: AmqpStage;

  before(async function () {
    stage = new AmqpStage(await need(this, () => startServer("rabbitmq")));
    if (!stage.server.owned) this.skip();
  });
  afterEach(() => stage?.reset());
  after(() => stage?.server.stop());

  const ctl = async (...args: string[]): Promise<string> => (await stage.server.ctl?.(...args)) ?? "";

  describe("short of memory", () => {
    afterEach(() => ctl("set_vm_memory_high_watermark", "0.4"));
    const alarm = (): Promise<string> => ctl("set_vm_memory_high_watermark", "absolute", "1");
    const blocked = (error: unknown): boolean => {
      assert.ok(error instanceof OperationalError && error.retriable, String(error));
      assert.match(error.message, /no messages for 0.5 s \(blocked_connection_timeout\).*alarm.*memory/);
      assert.doesNotMatch(error.message, /guest:guest/);
      return true;
    };
    const impatient = { transportOptions: { blocked_connection_timeout: 0.5 } };

    it("gives up after blocked_connection_timeout, and publishes again when the alarm is over", async () => {
      const broker = stage.open(impatient);
      const mine = queue(name("mine"));
      await broker.publish(message("before"), toQueue(mine.name), { declare: [mine] });
      await alarm();
      const start = Date.now();
      const written = broker.publish(message("written"), toQueue(mine.name));
      await until(() => stage.lines.some(({ level, message: text }) => level === "warn" && /short of/.test(text)));
      const held = broker.publish(message("held"), toQueue(mine.name));
      const undeclared = broker.publish(message("held too"), toQueue(mine.name), { declare: [queue(name("other"))] });
      await Promise.all([assert.rejects(written, blocked), assert.rejects(held, blocked)]);
      await assert.rejects(undeclared, blocked);
      assert.match(String(await written.catch(String)), /may have arrived/);
      assert.doesNotMatch(String(await held.catch(String)), /may have arrived/);
      assert.ok(Date.now() - start < 10_000);
      await assert.rejects(broker.publish(message("later"), toQueue(mine.name)), blocked);
      // Other questions do not hang on it.
      assert.ok((await broker.size(mine.name)) >= 1);
      await broker.declare(queue(name("declared")));
      assert.ok(stage.lines.some(({ level, message: text }) => level === "error" && /fails until/.test(text)));
      await ctl("set_vm_memory_high_watermark", "0.4");
      await until(() => stage.lines.some(({ message: text }) => /takes messages again/.test(text)));
      await broker.publish(message("after"), toQueue(mine.name));
      const reader = await new Watched(broker, [mine]).has(2);
      await until(() => reader.texts.includes("after"));
      assert.ok(!reader.texts.includes("held"), reader.texts.join());
    });

    it("tells the caller of a task, and lets him close", async () => {
      const { lines, logger } = recordingLogger();
      const app = new Celery({
        ...{ broker: stage.server.url, taskDefaultQueue: name("blocked"), logger },
        brokerTransportOptions: impatient.transportOptions,
      });
      await app.sendTask("x");
      await alarm();
      await assert.rejects(app.sendTask("x"), /blocked_connection_timeout.*gave up after 4 attempts/s);
      assert.ok(lines.some(({ level, message: text }) => level === "warn" && /trying again/.test(text)));
      await app.close();
    });
  });

  it("comes back after the consumer timeout, and says what to do", async () => {
    await ctl(
      "eval",
      "application:set_env(rabbit, consumer_timeout, 500), application:set_env(rabbit, channel_tick_interval, 200).",
    );
    try {
      const one = queue(name("slow"));
      const broker = stage.open();
      await broker.publish(message("x"), toQueue(one.name), { declare: [one] });
      const reader = await new Watched(broker, [one]).has(1);
      await reader.has(2);
      assert.match(String(reader.lost[0]), /consumer_timeout.*timed out.*raise consumer_timeout/s);
      assert.equal(reader.deliveries[1]?.info.redelivered, true);
      assert.ok(stage.lines.some(({ level, message: text }) => level === "warn" && /consumer_timeout/.test(text)));
      await reader.deliveries.at(-1)?.ack();
      await reader.consumer.close();
      assert.equal(await broker.size(one.name), 0);
    } finally {
      await ctl(
        "eval",
        "application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000).",
      );
    }
  });

  it("keeps a worker working whose task outlives the consumer timeout", async () => {
    await ctl(
      "eval",
      "application:set_env(rabbit, consumer_timeout, 500), application:set_env(rabbit, channel_tick_interval, 200).",
    );
    const { lines, logger } = recordingLogger();
    const app = new Celery({
      ...{ broker: stage.server.url, backend: "rpc://", taskDefaultQueue: name("worker"), logger },
      brokerTransportOptions: { interval_start: 0.05, interval_step: 0.05 },
    });
    let slow = true;
    app.task("slow", { acksLate: true }, async () => {
      if (slow) await new Promise((resolve) => setTimeout(resolve, 1500));
      slow = false;
      return "done";
    });
    const worker = await new Worker(app, { concurrency: 1 }).start();
    try {
      assert.equal(await app.sendTask("slow").get({ timeout: 30 }), "done");
      assert.ok(lines.some(({ fields }) => /consumer_timeout/.test(String(fields.error))));
      await until(
        () =>
          lines.filter(({ message: text }) => text.startsWith("Task slow[") && text.includes("] succeeded in "))
            .length === 2,
      );
      assert.equal(worker.state, "running");
    } finally {
      await worker.shutdown();
      await app.close();
      await ctl(
        "eval",
        "application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000).",
      );
    }
  });

  it("names the permission that is missing", async () => {
    const allowed = name("allowed");
    const user = name("user");
    await ctl("add_user", user, "hunter2");
    await ctl("set_permissions", user, `^${allowed}$`, `^${allowed}$`, `^${allowed}$`);
    const broker = stage.open({}, stage.server.url.replace("guest:guest", `${user}:hunter2`));
    const denied = (error: unknown, what: RegExp, type: typeof OperationalError | typeof PublishError): boolean => {
      assert.ok(error instanceof type, String(error));
      assert.equal(error.retriable, false);
      assert.match(error.message, what);
      assert.match(error.message, /ACCESS_REFUSED|refused/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    };
    const bare = exchange("");
    const other = queue(name("other"), { exchange: bare });
    await assert.rejects(broker.declare(other), (error) =>
      denied(error, /declaring queue.*set_permissions/s, OperationalError),
    );
    await stage.open().declare(other);
    const reader = new Watched(broker, [other]);
    await reader.end;
    denied(reader.error, new RegExp(`queue '${other.name}'`), OperationalError);
    const fanout = { exchange: exchange("amq.fanout", { type: "fanout" }), routingKey: "" } as const;
    const sending = await Promise.allSettled(Array.from({ length: 5 }, () => broker.publish(message("x"), fanout)));
    for (const one of sending)
      assert.ok(one.status === "rejected" && denied(one.reason, /amq.fanout.*set_permissions/s, PublishError));
    await assert.rejects(broker.publish(message("x"), toQueue(other.name)), (error) =>
      denied(error, /amq.default.*write/s, PublishError),
    );
    await broker.declare(queue(allowed, { exchange: bare }));
    await broker.delete(queue(allowed));
    await ctl("clear_permissions", user);
    await assert.rejects(
      stage.open({}, stage.server.url.replace("guest:guest", `${user}:hunter2`)).connect(),
      (error) => denied(error, /refused the virtual host "\/" to user.*permission/, OperationalError),
    );
  });

  it("tells what a queue cannot have, and how large a message may be", async () => {
    const broker = stage.open();
    const impossible = queue(name("both"), { arguments: { "x-queue-type": "quorum", "x-max-priority": 5 } });
    await assert.rejects(broker.declare(impossible), /x-max-priority/);
    await ctl(
      "eval",
      "application:set_env(rabbit, max_message_size, 100000), persistent_term:put(max_message_size, 100000).",
    );
    try {
      const mine = queue(name("mine"));
      await broker.declare(mine);
      const results = await Promise.allSettled(
        [10, 200_000].map((size) => stage.open().publish(message("x".repeat(size)), toQueue(mine.name))),
      );
      assert.equal(results[0]?.status, "fulfilled");
      const reason: unknown = results[1]?.status === "rejected" && results[1].reason;
      assert.ok(reason instanceof PublishError, String(reason));
      assert.match(reason.message, /larger than.*max/);
    } finally {
      await ctl(
        "eval",
        "application:set_env(rabbit, max_message_size, 134217728), persistent_term:put(max_message_size, 134217728).",
      );
    }
  });
});
