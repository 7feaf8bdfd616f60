import assert from "node:assert/strict";
import { Celery, PublishError } from "../../../src/index.js";
import type { CeleryOptions, TaskContext } from "../../../src/index.js";
import type { Delivery } from "../../../src/brokers/broker.js";
import { exchange, queue as aQueue } from "../../../src/protocol/queue.js";
import { Worker } from "../../../src/worker/index.js";
import { until } from "../../expect.js";
import { PythonClient } from "../../python/client.js";
import { startPythonWorker } from "../../python/worker.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { AmqpStage, message, name } from "./stage.js";

/** One virtual host for each test: the levels are the same for everybody on it. */
describe("amqp delayed delivery", function () {
  this.timeout(120_000);
  let stage: AmqpStage;
  const closing: (() => Promise<unknown>)[] = [];

  before(async function () {
    stage = new AmqpStage(await need(this, () => startServer("rabbitmq")));
    if (!stage.server.owned) this.skip();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await stage?.reset();
  });
  after(() => stage?.server.stop());

  const ctl = async (...args: string[]): Promise<string> => (await stage.server.ctl?.(...args)) ?? "";

  const world = async (): Promise<{ url: string; vhost: string; queue: string; options: CeleryOptions }> => {
    const vhost = name("vhost");
    await ctl("add_vhost", vhost);
    await ctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*");
    const url = stage.server.url.replace(/\/\/$/, `/${vhost}`);
    const queue = name("delayed");
    const options: CeleryOptions = {
      ...{ broker: url, backend: "rpc://", taskDefaultQueue: queue },
      ...{ taskDefaultQueueType: "quorum", taskDefaultExchangeType: "topic" },
    };
    return { url, vhost, queue, options };
  };
  const python = ({ url, queue }: { url: string; queue: string }) => ({
    ...{ version: "5.7.0" as const, broker: url, backend: "rpc://", queues: [queue] },
    conf: { task_default_queue: queue, task_default_queue_type: "quorum", task_default_exchange_type: "topic" },
  });
  const open = (options: CeleryOptions): Celery => {
    const app = new Celery(options);
    closing.push(() => app.close());
    return app;
  };
  const work = async (app: Celery): Promise<Worker> => {
    const worker = await new Worker(app, { concurrency: 1, prefetchMultiplier: 1 }).start();
    closing.push(() => worker.shutdown());
    return worker;
  };
  const wait = { timeout: 30 };

  it("refuses to send what nobody would hold back, and sends at once what is due within a second", async () => {
    const { options } = await world();
    const app = open(options);
    for (let attempt = 0; attempt < 2; attempt++)
      await assert.rejects(app.sendTask("x", [], { countdown: 5 }), (error: unknown) => {
        assert.ok(error instanceof PublishError, String(error));
        assert.match(error.message, /no exchange "celery_delayed_27".*Start a worker that consumes quorum queues/);
        assert.doesNotMatch(error.message, /guest:guest/);
        return true;
      });
    await app.sendTask("x", [], { countdown: 0.9 });
    await app.sendTask("x");
    assert.equal(await (await app.broker()).size(options.taskDefaultQueue ?? ""), 2);
    const taken = open({ ...options, taskDefaultExchangeType: "direct", taskDefaultQueue: name("direct") });
    await taken.sendTask("x", [], { countdown: 5 });
  });

  it("declares what Python declares, and is content with what Python has declared", async () => {
    const [ours, theirs] = [await world(), await world()];
    theirs.queue = ours.queue;
    await work(open(ours.options));
    const worker = await startPythonWorker(python(theirs));
    closing.push(() => worker.stop());
    const dump = async (vhost: string): Promise<string[]> => {
      const parts = await Promise.all([
        ctl("-p", vhost, "-q", "list_queues", "name", "durable", "auto_delete", "arguments"),
        ctl("-p", vhost, "-q", "list_exchanges", "name", "type", "durable", "auto_delete", "arguments"),
        ctl("-p", vhost, "-q", "list_bindings", "source_name", "destination_name", "destination_kind", "routing_key"),
      ]);
      return parts
        .flatMap((part) => part.split("\n"))
        .filter((line) => !/reply|pidbox|celeryev|^[0-9a-f-]{36}|\s[0-9a-f-]{36}\s/.test(line))
        .sort();
    };
    const made = await dump(ours.vhost);
    assert.deepEqual(made, await dump(theirs.vhost));
    // 28 of each at least, or the comparison says nothing.
    assert.ok(made.length > 28 * 4, made.join("\n"));
    await work(open({ ...ours.options, broker: theirs.url }));
    await startPythonWorker(python(ours)).then((one) => closing.push(() => one.stop()));
  });

  it("holds tasks back without a worker noticing, and tells where they were meant to go", async () => {
    const { options, queue, url } = await world();
    const app = open(options);
    app.task("where", { bind: true }, (self: TaskContext) => ({ at: Date.now(), ...self.request.deliveryInfo }));
    await work(app);
    const start = Date.now();
    const late = await app.sendTask<Record<string, unknown>>("where", [], { countdown: 2.7 });
    const raw = await stage.raw(url);
    await until(async () => (await raw.checkQueue("celery_delayed_1")).messageCount === 1);
    const direct = await app.sendTask<Record<string, unknown>>("where").get(wait);
    const { at, exchange, routingKey } = await late.get(wait);
    assert.ok(Number(at) - start >= 2700, `ran after ${Number(at) - start} ms`);
    assert.deepEqual([exchange, routingKey], [queue, queue]);
    assert.deepEqual([direct.exchange, direct.routingKey], [queue, queue]);
  });

  it("retries over the same levels again and again", async () => {
    const { options } = await world();
    const app = open(options);
    app.task("flaky", { bind: true, maxRetries: 5 }, (self: TaskContext) => {
      if (self.retries < 3) throw self.retry({ countdown: 1.2 });
      return [self.retries, Object.keys(self.request.headers), self.request.deliveryInfo.exchange];
    });
    await work(app);
    assert.deepEqual(await app.sendTask("flaky", [], { countdown: 1.2 }).get(wait), [3, [], options.taskDefaultQueue]);
  });

  it("finds queues of a fanout exchange and of further bindings, and no queue that comes and goes", async () => {
    const { options } = await world();
    const names = { bus: name("bus"), news: name("news"), all: name("all") };
    const app = open({
      ...options,
      taskDefaultQueue: names.bus,
      taskQueues: {
        [names.bus]: {
          ...{ exchange: names.bus, exchangeType: "topic", routingKey: "jobs.*.now" },
          queueArguments: { "x-queue-type": "quorum" },
          bindings: [{ exchange: `${names.bus}-2`, exchangeType: "topic", routingKey: "#.late" }],
        },
        [names.news]: { exchange: names.news, exchangeType: "fanout" },
        [names.all]: { broadcast: true },
      },
    });
    app.task("key", { bind: true }, (self: TaskContext) => self.request.deliveryInfo.routingKey);
    await work(app);
    const call = (options_: object): Promise<unknown> =>
      app.sendTask("key", [], { countdown: 1, ...options_ }).get(wait);
    const answers = await Promise.all([
      call({ exchange: names.bus, routingKey: "jobs.a.now" }),
      call({ exchange: `${names.bus}-2`, routingKey: "very.late" }),
      call({ queue: names.news }),
      call({ queue: names.all }),
    ]);
    assert.deepEqual(answers, ["jobs.a.now", "very.late", names.news, names.bus]);
  });

  it("loses nothing for a queue that came after the first delayed message, or with a key that no binding takes", async () => {
    const { options } = await world();
    await work(open(options));
    const [bus, late] = [name("bus"), name("late")];
    const at = (routingKey: string): object => ({
      ...{ exchange: bus, exchangeType: "topic", routingKey },
      queueArguments: { "x-queue-type": "quorum" },
    });
    const sender = open({
      ...options,
      ...{ taskDefaultQueue: bus, taskQueues: { [bus]: at("bus.#"), [late]: at("late.#") } },
    });
    const broker = await sender.broker();
    const waits = async (queue: string, count: number): Promise<void> =>
      until(async () => (await broker.size(queue)) === count);
    await sender.sendTask("x", [], { queue: bus, countdown: 1 });
    await waits(bus, 1);
    await assert.rejects(
      sender.sendTask("x", [], { exchange: bus, routingKey: "late.a", countdown: 1 }),
      (error: unknown) =>
        error instanceof PublishError && /no queue would take the delayed message/.test(error.message),
    );
    await sender.sendTask("x", [], { queue: late, routingKey: "late.a", exchange: bus, countdown: 1 });
    await waits(late, 1);
    await assert.rejects(
      sender.sendTask("x", [], { exchange: bus, routingKey: "nobody.a", countdown: 1 }),
      (error: unknown) => error instanceof PublishError && /no queue took the message/.test(error.message),
    );
  });

  it("settles what was taken before a stop that came while the levels were set up", async () => {
    const { url, vhost } = await world();
    const jobs = aQueue(name("jobs"), {
      exchange: exchange(name("bus"), { type: "topic" }),
      ...{ routingKey: "jobs", arguments: { "x-queue-type": "quorum" } },
    });
    const broker = stage.open({}, url);
    const consumer = broker.consume([jobs], { prefetch: 100, delayedQueues: [jobs] });
    let sent = 0;
    let taken: Delivery | undefined;
    void consumer[Symbol.asyncIterator]()
      .next()
      .then(({ value }) => (taken = value as Delivery));
    // One of them comes while the levels are being set up.
    for (; !taken; sent++)
      await broker.publish(message("x"), { exchange: jobs.exchange, routingKey: "jobs" }, { declare: [jobs] });
    await consumer.stop();
    const bound = `celery_delayed_delivery\texchange\t${jobs.exchange.name}`;
    await until(async () => (await ctl("list_bindings", "-p", vhost)).includes(bound));
    // One more look takes longer than what is left to do.
    await ctl("list_bindings", "-p", vhost);
    await taken.ack();
    await consumer.close();
    assert.equal(await broker.size(jobs.name), sent - 1);
  });

  it("says so when the levels are gone, and sets them up anew after a reconnect", async () => {
    const { options, url } = await world();
    const app = open(options);
    app.task("here", () => "done");
    await work(app);
    await app.sendTask("here", [], { countdown: 1 }).get(wait);
    const raw = await stage.raw(url);
    await raw.deleteExchange("celery_delayed_27");
    await assert.rejects(app.sendTask("here", [], { countdown: 1 }), PublishError);
    await assert.rejects(app.sendTask("here", [], { countdown: 1 }), /Start a worker/);
    assert.equal(await app.sendTask("here").get(wait), "done");
    await ctl("close_all_connections", "--global", "a test closes them");
    await until(async () => {
      await (await stage.raw(url)).checkExchange("celery_delayed_27");
      return true;
    });
    await until(async () => (await app.sendTask("here", [], { countdown: 1 }).get(wait)) === "done");
  });

  it("sends to a Python worker, and takes from a Python client", async () => {
    const here = await world();
    const target = python(here);
    const worker = await startPythonWorker(target);
    closing.push(() => worker.stop());
    const app = open(here.options);
    const request = (await app.sendTask("interop.request", [], { countdown: 2 }).get(wait)) as Record<string, unknown>;
    assert.match(JSON.stringify(request), /celery_delayed_/);
    assert.ok(Number(request.now) * 1000 >= Date.parse(String(request.eta)), "before its ETA");
    await worker.stop();

    app.task("node.where", { bind: true }, (self: TaskContext) => [Date.now(), self.request.deliveryInfo.routingKey]);
    await work(app);
    const client = await PythonClient.start(target);
    closing.push(() => client.close());
    const start = Date.now();
    const id = await client.send("node.where", [], {}, { countdown: 2 });
    const { value } = await client.get(id);
    const [at, key] = value as [number, string];
    assert.ok(at - start >= 2000, `ran after ${at - start} ms`);
    assert.equal(key, here.queue);
  });
});
