import assert from "node:assert/strict";
import { Celery } from "../../../src/index.js";
import type { CeleryOptions, TaskContext } from "../../../src/index.js";
import { Worker } from "../../../src/worker/index.js";
import { until } from "../../expect.js";
import { PythonClient } from "../../python/client.js";
import type { PythonTarget } from "../../python/environment.js";
import { startPythonWorker } from "../../python/worker.js";
import { needShared } from "../../servers/shared.js";
import { AmqpStage, name } from "./stage.js";

/** Queues of every kind that Celery knows on RabbitMQ, between Python and us. */
describe("amqp queues beside Celery 5.7.0", function () {
  this.timeout(120_000);
  let stage: AmqpStage;
  const closing: (() => Promise<unknown>)[] = [];

  before(async function () {
    stage = new AmqpStage(await needShared(this, "rabbitmq"));
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await stage?.reset();
  });

  const wait = { timeout: 30 };
  const open = (options: Partial<CeleryOptions>): Celery => {
    const app = new Celery({ broker: stage.server.url, backend: "rpc://", ...options });
    closing.push(() => app.close());
    return app;
  };
  const work = async (app: Celery, queues?: string[], multiplier = 1): Promise<Worker> => {
    const options = { concurrency: 1, prefetchMultiplier: multiplier, ...(queues && { queues }) };
    const worker = await new Worker(app, options).start();
    closing.push(() => worker.shutdown());
    return worker;
  };
  const target = (conf: Record<string, unknown> = {}): PythonTarget => ({
    ...{ version: "5.7.0", broker: stage.server.url, backend: "rpc://", conf },
  });
  const python = async (conf?: Record<string, unknown>): Promise<PythonClient> => {
    const client = await PythonClient.start(target(conf));
    closing.push(() => client.close());
    return client;
  };

  /** The order in which tasks of these priorities run, all of them waiting before the worker begins. */
  const mixed = [0, 3, 9, 5, 1, 7];
  const sorted = [9, 7, 5, 3, 1, 0];

  it("runs the highest priority first: Python sends, we work", async () => {
    const one = name("priority");
    const client = await python({ task_default_queue: one, task_queue_max_priority: 10 });
    for (const priority of mixed) await client.send("note", [priority], {}, { priority });
    const app = open({ taskDefaultQueue: one, taskQueueMaxPriority: 10 });
    const seen: unknown[] = [];
    app.task("note", { bind: true }, (self: TaskContext, value: unknown) => {
      seen.push(value);
      assert.equal(self.request.deliveryInfo.priority, value);
    });
    await work(app);
    await until(() => seen.length === mixed.length);
    assert.deepEqual(seen, sorted);
  });

  it("runs the highest priority first: we send, Python works", async () => {
    const one = name("priority");
    const app = open({ taskDefaultQueue: one, taskQueueMaxPriority: 10 });
    const sent = [];
    for (const priority of mixed) sent.push(await app.sendTask("interop.request", [], { priority }));
    const conf = { task_default_queue: one, task_queue_max_priority: 10, worker_prefetch_multiplier: 1 };
    const worker = await startPythonWorker({ ...target(conf), queues: [one] });
    closing.push(() => worker.stop());
    const answers = (await Promise.all(sent.map((result) => result.get(wait)))) as {
      now: number;
      delivery_info: { priority: number };
    }[];
    const order = answers.sort((a, b) => a.now - b.now).map((answer) => answer.delivery_info.priority);
    assert.deepEqual(order, sorted);
  });

  it("keeps the priority of a retried task, and inherits it where that is asked for", async () => {
    const one = name("priority");
    const app = open({ taskDefaultQueue: one, taskQueueMaxPriority: 10, taskInheritParentPriority: true });
    const seen: unknown[] = [];
    app.task("child", { bind: true }, (self: TaskContext) => void seen.push(self.request.deliveryInfo.priority));
    app.task("parent", { bind: true }, async (self: TaskContext) => {
      if (self.retries === 0) throw self.retry({ countdown: 0 });
      await app.sendTask("child");
      return self.request.deliveryInfo.priority;
    });
    await work(app);
    assert.equal(await app.sendTask("parent", [], { priority: 6 }).get(wait), 6);
    await until(() => seen.length === 1);
    assert.deepEqual(seen, [6]);
  });

  it("works on quorum queues with tasks that wait: the limit moves although the server's cannot", async () => {
    const one = name("quorum");
    const app = open({ taskDefaultQueue: one, taskDefaultQueueType: "quorum" });
    const ran: string[] = [];
    app.task("run", (what: string) => void ran.push(what));
    const later = Array.from({ length: 8 }, (_, n) => app.sendTask("run", [`late ${n}`], { countdown: 3 }));
    await Promise.all(later);
    await app.sendTask("run", ["now"]);
    await work(app);
    await until(() => ran.length >= 1);
    assert.deepEqual(ran, ["now"]);
    await until(() => ran.length === 9);
    const declared = await python({ task_default_queue: one, task_default_queue_type: "quorum" });
    const id = await declared.send("run", ["from Python"]);
    assert.equal((await declared.get(id)).value, null);
  });

  it("takes from topic exchanges what their patterns say, and sends to them", async () => {
    const bus = name("bus");
    const app = open({
      taskQueues: {
        [`${bus}-a`]: { exchange: bus, exchangeType: "topic", routingKey: "jobs.*" },
        [`${bus}-b`]: { exchange: bus, exchangeType: "topic", routingKey: "jobs.#.late" },
      },
      taskDefaultQueue: `${bus}-a`,
    });
    const ran: string[] = [];
    app.task("run", { bind: true }, (self: TaskContext, what: string) => {
      ran.push(`${what} ${self.request.deliveryInfo.routingKey}`);
    });
    await work(app);
    const client = await python();
    await client.run(
      `for key in values["keys"]:
           with app.connection_for_write() as connection:
               app.send_task("run", ["py"], exchange=kombu.Exchange(values["bus"], "topic"), routing_key=key,
                             connection=connection, ignore_result=True)`,
      { bus, keys: ["jobs.x", "jobs.x.late"] },
    );
    await app.sendTask("run", ["ts"], { exchange: bus, routingKey: "jobs.x", ignoreResult: true });
    await app.sendTask("run", ["ts"], { exchange: bus, routingKey: "jobs.late", ignoreResult: true });
    await until(() => ran.length >= 5);
    assert.deepEqual(ran.sort(), ["py jobs.x", "py jobs.x.late", "ts jobs.late", "ts jobs.late", "ts jobs.x"]);
    await assert.rejects(app.sendTask("run", ["x"], { exchange: bus, routingKey: "nothing" }), /no queue took/);
  });

  it("takes from headers exchanges by the arguments of its bindings", async () => {
    const box = name("box");
    const headers = { exchange: box, exchangeType: "headers" } as const;
    const app = open({
      taskQueues: {
        [`${box}-all`]: { ...headers, bindingArguments: { "x-match": "all", colour: "red", size: 300 } },
        [`${box}-any`]: {
          ...{ exchange: `${box}-direct`, routingKey: "x" },
          bindings: [{ ...headers, arguments: { "x-match": "any", colour: "blue", shape: "round" } }],
        },
      },
      taskDefaultQueue: `${box}-all`,
    });
    const ran: string[] = [];
    app.task("run", { bind: true }, (self: TaskContext, what: string) => {
      ran.push(`${what} ${Object.keys(self.request.headers).sort().join()}`);
    });
    await work(app);
    const to = { exchange: box, routingKey: "any key", ignoreResult: true };
    await app.sendTask("run", ["all"], { ...to, headers: { colour: "red", size: 300 } });
    await app.sendTask("run", ["any"], { ...to, headers: { shape: "round" } });
    await assert.rejects(app.sendTask("run", ["none"], { ...to, headers: { colour: "red" } }), /no queue took/);
    const client = await python();
    // Without a routing key Celery would send to its default queue.
    await client.run(
      `app.send_task("run", ["py"], exchange=kombu.Exchange(values["box"], "headers"), routing_key="any key",
                     headers={"colour": "red", "size": 300}, ignore_result=True)`,
      { box },
    );
    await until(() => ran.length === 3);
    assert.deepEqual(ran.sort(), ["all colour,size", "any shape", "py colour,size"]);
  });

  it("broadcasts to every worker, of both languages, from both", async () => {
    const all = name("everyone");
    const own = name("own");
    const conf = { task_default_queue: own };
    const workers: string[] = [];
    for (const which of ["one", "two"]) {
      const app = open({ taskDefaultQueue: own, taskQueues: { [own]: {}, [all]: { broadcast: true } } });
      app.task("interop.note", (_path: string, value: unknown) => void workers.push(`${which} ${String(value)}`));
      await work(app, [all]);
    }
    // Python cannot be configured with a Broadcast by JSON: its consumer is made by hand.
    const client = await python(conf);
    await client.run(
      `from kombu.common import Broadcast
global queue
app.conf.task_queues = [kombu.Queue(values["own"]), Broadcast(values["all"])]
app.amqp.queues = app.amqp.Queues(app.conf.task_queues)
queue = app.amqp.queues[values["all"]]
queue(app.connection_for_read().default_channel).declare()`,
      { own, all },
    );
    const sender = open({ taskQueues: { [own]: {}, [all]: { broadcast: true } }, taskDefaultQueue: own });
    await sender.sendTask("interop.note", ["", "ts"], { queue: all, ignoreResult: true });
    await client.run(`app.send_task("interop.note", ["", "py"], queue=values["all"], ignore_result=True)`, { all });
    await until(() => workers.length >= 4);
    assert.deepEqual(workers.sort(), ["one py", "one ts", "two py", "two ts"]);
    // Nothing was declared by the sender but the exchange, and nobody listening is no error.
    const quiet = open({ taskQueues: { [`${all}-2`]: { broadcast: true } } });
    await quiet.sendTask("x", [], { queue: `${all}-2`, ignoreResult: true });
    const queues = (await stage.server.ctl?.("-q", "list_queues", "name", "messages")) ?? "";
    const waiting = queues.split("\n").filter((line) => line.startsWith("bcast."));
    // Ours and Python's own, in which its two messages wait.
    assert.deepEqual(waiting.map((line) => line.split("\t")[1]).sort(), ["0", "0", "2"]);
    await client.close();
  });

  it("does not send dead letter headers on with a retry", async () => {
    const [grave, first] = [name("grave"), name("first")];
    const app = open({
      taskDefaultQueue: grave,
      taskQueues: {
        [grave]: {},
        [first]: {
          messageTtl: 0.05,
          queueArguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": grave },
        },
      },
    });
    app.task("headers", { bind: true }, (self: TaskContext) => {
      if (self.retries === 0) throw self.retry({ countdown: 0 });
      return Object.keys(self.request.headers);
    });
    const broker = await app.broker();
    await broker.declare(app.queues.get(grave));
    const sent = await app.sendTask("headers", [], { queue: first, headers: { mine: 1 } });
    await until(async () => (await broker.size(grave)) === 1);
    const raw = await stage.raw();
    const dead = await raw.get(grave, { noAck: false });
    assert.ok(dead && dead.properties.headers?.["x-death"], "it never died");
    raw.reject(dead, true);
    await work(app, [grave]);
    assert.deepEqual(await sent.get(wait), ["mine"]);
  });
});
