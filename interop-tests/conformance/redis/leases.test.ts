import assert from "node:assert/strict";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Celery } from "../../../src/index.js";
import { Reader, textMessage, textOf } from "../../../src/testing/broker/scene.js";
import { until } from "../../../src/testing/harness.js";
import { Worker } from "../../../src/worker/index.js";
import { uniqueName } from "../../drivers/index.js";
import { startPythonWorker } from "../../python/worker.js";
import type { PythonWorker } from "../../python/worker.js";
import { newestCelery } from "../../python/venvs.mjs";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { RedisStage } from "./stage.js";

/** A task three times as long as the visibility timeout, and who else looks for abandoned messages meanwhile. */
describe("redis broker: leases", function () {
  this.timeout(60_000);
  let stage: RedisStage;
  const pythons: PythonWorker[] = [];
  const apps: Celery[] = [];

  before(async function () {
    stage = new RedisStage(await need(this, () => startServer("redis")));
  });
  afterEach(async () => {
    await Promise.all(pythons.splice(0).map((one) => one.kill()));
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await stage.reset();
  });
  after(async () => {
    await stage?.end();
    await stage?.server.stop();
  });

  const hasty = { visibility_timeout: 2, unacked_restore_interval: 0.5, unacked_restore_throttle: 1 };
  const score = async (tag: string): Promise<number> => Number(await stage.raw.zscore("unacked_index", tag));

  /** A worker of ours; the list gets a line for each run of the task. */
  async function startWorker(name: string, options: object, runs: string[], who: string): Promise<Celery> {
    const app = new Celery({
      broker: stage.url,
      backend: "disabled",
      brokerTransportOptions: { ...hasty, ...options },
      taskDefaultQueue: name,
      taskAcksLate: true,
      // No room beside the task that runs: what is restored goes to somebody else.
      workerPrefetchMultiplier: 1,
    });
    apps.push(app);
    // The same name as in the Python application: whoever gets the message runs it.
    app.task("interop.sleep", async (seconds: number) => {
      runs.push(who);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    });
    const worker = await new Worker(app, { concurrency: 1 }).start();
    const close = app.close.bind(app);
    app.close = async () => {
      await worker.shutdown({ how: "cold" });
      await close();
    };
    return app;
  }

  async function startPython(name: string, options: object = {}): Promise<PythonWorker> {
    const python = await startPythonWorker({
      version: newestCelery,
      broker: stage.url,
      queues: [name],
      pool: "threads",
      conf: { broker_transport_options: { ...hasty, ...options }, task_default_queue: name, task_acks_late: true },
    });
    pythons.push(python);
    return python;
  }

  const received = (python: PythonWorker): number => python.log.split("interop.sleep[").length - 1;

  it("a long task runs once while its worker lives, beside workers of both kinds", async () => {
    const name = uniqueName("once");
    const runs: string[] = [];
    const app = await startWorker(name, {}, runs, "first");
    await app.sendTask("interop.sleep", [6]);
    await until("the task to run", () => runs.length === 1);
    const [python] = await Promise.all([startPython(name), startWorker(name, {}, runs, "second")]);
    await until("the acknowledgement", async () => (await stage.raw.exists("unacked")) === 0);
    // Longer than the visibility timeout, for what might come late.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.deepEqual(runs, ["first"]);
    assert.equal(received(python), 0, python.log);
  });

  for (const other of ["worker of ours", "Python worker"])
    it(`without renewal it runs a second time, in a ${other}`, async () => {
      const name = uniqueName("twice");
      const off = { extend_visibility: false };
      const runs: string[] = [];
      const app = await startWorker(name, off, runs, "first");
      await app.sendTask("interop.sleep", [6]);
      await until("the task to run", () => runs.length === 1);
      if (other === "Python worker") {
        const python = await startPython(name, off);
        await python.logged(/interop\.sleep\[[^\]]+\] received/, 10);
      } else {
        await startWorker(name, off, runs, "second");
        await until("the second run", () => runs.length === 2);
        assert.deepEqual(runs, ["first", "second"]);
      }
    });

  it("what a Python worker held when it died is restored and run by ours", async () => {
    const name = uniqueName("died");
    const runs: string[] = [];
    const python = await startPython(name);
    const sender = new Celery({ broker: stage.url, taskDefaultQueue: name });
    apps.push(sender);
    await sender.sendTask("interop.sleep", [2]);
    await python.logged(/interop\.sleep\[[^\]]+\] received/);
    await python.kill();
    assert.equal(Object.keys(await stage.unacked()).length, 1);
    await startWorker(name, {}, runs, "ours");
    await until("the task to run again", () => runs.length === 1);
    await until("the acknowledgement", async () => (await stage.raw.exists("unacked", "unacked_index")) === 0);
  });

  it("moves the score of what is held, and only of that", async () => {
    const name = uniqueName("score");
    const broker = stage.open({ ...hasty, extend_visibility: 0.1 });
    for (const text of ["held", "done"]) await broker.publish(textMessage(text), toQueue(name));
    await stage.raw.zadd("unacked_index", 4e9, "a peer's");
    const reader = await new Reader(broker.consume([queue(name)], { prefetch: 2 })).has(2);
    const [held, done] = reader.deliveries;
    const before = await score(held?.tag ?? "");
    await done?.ack();
    await until("a renewal", async () => (await score(held?.tag ?? "")) > before + 0.15);
    assert.equal(await stage.raw.zcard("unacked_index"), 2);
    assert.equal(await score("a peer's"), 4e9);
    await held?.ack();
    await until("no records", async () => (await stage.raw.exists("unacked")) === 0);
    assert.equal(await stage.raw.zcard("unacked_index"), 1);
  });

  it("does not take back what was restored to somebody else, and says so", async () => {
    const name = uniqueName("lost");
    const broker = stage.open({ ...hasty, extend_visibility: 0.1 });
    await broker.publish(textMessage("x"), toQueue(name));
    const first = await new Reader(broker.consume([queue(name)], { prefetch: 1 })).has(1);
    const tag = first.deliveries[0]?.tag ?? "";
    // As if this process had stood still for long: a peer restored the message, another one has it now.
    const other = await new Reader(
      stage.open({ visibility_timeout: 0, extend_visibility: false }).consume([queue(name)]),
    ).has(1);
    assert.equal(other.deliveries[0]?.tag, tag);
    await until("the loss to be told", () => stage.lines.some(({ message }) => /given to somebody else/.test(message)));
    const theirs = await score(tag);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await score(tag), theirs);
    assert.equal(stage.lines.filter(({ message }) => /given to somebody else/.test(message)).length, 1);
    await first.deliveries[0]?.ack();
    await first.consumer.close();
    assert.equal(Object.keys(await stage.unacked()).length, 1, "the other one's record");
    await other.deliveries[0]?.ack();
    await until("no records", async () => (await stage.raw.exists("unacked", "unacked_index")) === 0);
    assert.equal(textOf(other.deliveries[0] as never), "x");
  });

  it("gives back and acknowledges after a renewal whose answer was lost", async () => {
    const name = uniqueName("unsure");
    const broker = stage.open({ ...hasty, visibility_timeout: 3600, extend_visibility: 0.05 });
    for (const text of ["a", "b"]) await broker.publish(textMessage(text), toQueue(name));
    const reader = new Reader(broker.consume([queue(name)], { prefetch: 2 }));
    await reader.has(2);
    for (let round = 1; round <= 10; round++) {
      await stage.raw.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await reader.has(2 + round * 2);
    }
    assert.equal(Object.keys(await stage.unacked()).length, 2);
    await Promise.all(reader.deliveries.slice(-2).map((one) => one.ack()));
    await until("no records", async () => (await stage.raw.exists("unacked", "unacked_index")) === 0);
    assert.equal(await stage.raw.llen(name), 0);
  });
});
