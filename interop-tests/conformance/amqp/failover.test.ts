import assert from "node:assert/strict";
import { Celery } from "../../../src/index.js";
import type { CeleryOptions } from "../../../src/index.js";
import { Worker } from "../../../src/worker/index.js";
import { ImproperlyConfigured } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { recordingLogger, until } from "../../expect.js";
import { startLocalRabbitmq } from "../../servers/rabbitmq.js";
import type { LocalRabbitmq } from "../../servers/rabbitmq.js";
import { need } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

/** Two servers that know nothing of each other, so everything has to be declared again on the second one. */
describe("amqp failover between two servers", function () {
  this.timeout(90_000);
  let first: LocalRabbitmq | undefined;
  let second: LocalRabbitmq | undefined;
  let stage: AmqpStage;
  const closing: (() => Promise<unknown>)[] = [];

  before(async function () {
    await need(this, async () => {
      [first, second] = await Promise.all([startLocalRabbitmq(), startLocalRabbitmq()]);
      return first;
    });
    assert.ok(second);
    stage = new AmqpStage(second);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await stage?.reset();
  });
  after(async () => {
    await first?.stop();
    await second?.stop();
  });

  const open = (options: CeleryOptions): Celery => {
    const app = new Celery({ brokerTransportOptions: { interval_start: 0.05, interval_step: 0.05 }, ...options });
    closing.push(() => app.close());
    return app;
  };
  const urls = (): string[] => [first?.url ?? "", second?.url ?? ""];

  it("moves worker, senders, results and delayed delivery to the other server", async () => {
    const { lines, logger } = recordingLogger();
    const queueName = name("moving");
    const app = open({
      ...{ broker: urls(), backend: "rpc://", logger, taskDefaultQueue: queueName },
      ...{ taskDefaultQueueType: "quorum", taskDefaultExchangeType: "topic" },
    });
    const add = app.task("add", (x: number, y: number) => x + y);
    const worker = await new Worker(app, { concurrency: 2 }).start();
    closing.push(() => worker.shutdown());
    assert.equal(await add.delay(1, 2).get({ timeout: 20 }), 3);
    assert.equal(await (await stage.raw()).checkQueue(queueName).catch(() => "missing"), "missing");
    await first?.kill();
    assert.equal(await add.delay(2, 3).get({ timeout: 40 }), 5);
    assert.equal(await add.applyAsync([3, 4], { countdown: 1.3 }).get({ timeout: 40 }), 7);
    assert.ok(lines.some(({ message: text }) => /connection to the broker lost/.test(text)));
    assert.doesNotMatch(JSON.stringify(lines), /guest:guest/);
    assert.equal(worker.state, "running");
  });

  it("pauses only after all of them failed", async () => {
    const dead = ["amqp://u:hunter2@127.0.0.1:1", "amqp://u:hunter2@127.0.0.1:2", "amqp://u:hunter2@127.0.0.1:3"];
    const slow = { interval_start: 20, interval_step: 0 };
    const broker = stage.open({ transportOptions: slow }, [...dead, second?.url].join(";"));
    const one = queue(name("late"));
    const start = Date.now();
    const reader = await new Watched(broker, [one]).consuming();
    assert.ok(Date.now() - start < 15_000, "it slept between two addresses");
    await broker.publish(message("x"), toQueue(one.name));
    await reader.has(1);
    const hopeless = new Watched(stage.open({ transportOptions: slow }, dead.join(";")), [one]);
    await until(() => stage.lines.some(({ message: text }) => /:1: .*:2: .*:3: /s.test(text)));
    assert.doesNotMatch(JSON.stringify(stage.lines), /hunter2/);
    await hopeless.consumer.close();
    await broker.delete(one);
  });

  it("reads from one address and writes to another", async () => {
    const [, here = ""] = urls();
    const one = name("split");
    const readOnly = { broker: "amqp://127.0.0.1:1", taskDefaultQueue: one, taskPublishRetry: false };
    const app = open({
      ...readOnly,
      backend: "rpc://",
      brokerReadUrl: here,
      brokerWriteUrl: ["amqp://127.0.0.1:2", here],
    });
    const echo = app.task("echo", (value: unknown) => value);
    const worker = await new Worker(app, { concurrency: 1 }).start();
    closing.push(() => worker.shutdown());
    assert.equal(await echo.delay("there").get({ timeout: 20 }), "there");
    const deaf = open({ ...readOnly, brokerReadUrl: here });
    await assert.rejects(deaf.sendTask("echo"), /ECONNREFUSED/);
    for (const wrong of [[], [""], 5])
      assert.throws(() => open({ ...readOnly, broker: wrong as string[] }), ImproperlyConfigured);
    assert.throws(() => open({ ...readOnly, brokerReadUrl: [] }), ImproperlyConfigured);
  });
});
