import assert from "node:assert/strict";
import type { TaskContext } from "../client/task-context.js";
import { Celery, type CeleryOptions } from "../client/app.js";
import { Reject } from "../errors.js";
import type { Message } from "../protocol/message.js";
import { queue, toQueue } from "../protocol/queue.js";
import { redeliveryCount } from "../protocol/redelivery.js";
import { encodeTask, taskRequest, type TaskRequest } from "../protocol/task-message.js";
import { deferred } from "../util/deferred.js";
import { newId } from "../util/id.js";
import { Worker } from "./worker.js";
import { until } from "../testing/harness.js";

/** An application with late acknowledgement over the in-process broker and backend. */
function setUp(settings: Partial<CeleryOptions>): { app: Celery; logged: string[] } & AsyncDisposable {
  const name = newId();
  const logged: string[] = [];
  const note = (message: string): void => void logged.push(message);
  const app = new Celery({
    ...{ broker: `memory://${name}`, backend: `memory://${name}`, taskAcksLate: true },
    logger: { debug: note, info: note, warn: note, error: note },
    ...settings,
  });
  return { app, logged, [Symbol.asyncDispose]: () => app.close() };
}

type Fields = Pick<TaskRequest, "id"> & Partial<TaskRequest>;

/** Sends a task whose message says that it came back, as brokers without such a field say it. */
async function sendBack(app: Celery, fields: Fields, headers: Record<string, unknown> = {}): Promise<void> {
  const message = encodeTask(taskRequest({ task: "work", ...fields }));
  const broker = await app.broker();
  await broker.declare(queue("celery"));
  const back = { ...message, headers: { ...message.headers, redelivered: true, ...headers } };
  await broker.publish(back, toQueue("celery"));
}

/** All messages of a queue, acknowledged. */
async function messages(app: Celery, name: string): Promise<{ message: Message; redelivered: boolean }[]> {
  const broker = await app.broker();
  const count = await broker.size(name);
  const consumer = broker.consume([queue(name)]);
  const found: { message: Message; redelivered: boolean }[] = [];
  if (count > 0)
    for await (const delivery of consumer) {
      found.push({ message: delivery.message, redelivered: delivery.info.redelivered });
      await delivery.ack();
      if (found.length === count) break;
    }
  await consumer.close();
  return found;
}

const soon = { timeout: 10 };

describe("tasks that come back after they succeeded", () => {
  async function world(settings: Partial<CeleryOptions> = {}): Promise<ReturnType<typeof setUp> & { runs: string[] }> {
    const it = setUp({ workerDeduplicateSuccessfulTasks: true, ...settings });
    const runs: string[] = [];
    it.app.task("work", { bind: true }, (self: TaskContext) => {
      runs.push(self.id);
      return "ran";
    });
    it.app.task("after", { acksLate: false }, (value: unknown) => runs.push(`after ${String(value)}`));
    return { ...it, runs };
  }
  const stored = (app: Celery, taskId: string, children: { id: string; parent: null; children: null }[] = []) =>
    app.backend().then((backend) =>
      backend.store({
        ...{ taskId, status: "SUCCESS", result: "stored", traceback: null, children },
        dateDone: "2026-01-01T00:00:00",
      }),
    );
  const callback = {
    ...{ task: "after", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false },
  };

  it("are not run again: known here, or from the store", async () => {
    await using it = await world();
    await stored(it.app, "elsewhere");
    await using worker = await new Worker(it.app).start();
    const here = await it.app.sendTask("work");
    await here.get(soon);
    await sendBack(it.app, { id: here.id });
    await sendBack(it.app, { id: "elsewhere" });
    await sendBack(it.app, { id: "new" });
    await until("the next step", () => it.runs.includes("new"));
    await worker.shutdown();
    assert.deepEqual(it.runs, [here.id, "new"]);
    assert.deepEqual(await messages(it.app, "celery"), [], "what was skipped is acknowledged");
    assert.equal(await it.app.asyncResult("elsewhere").get(soon), "stored");
  });

  it("leave their place to others where a worker takes only what it can start", async () => {
    await using it = await world({ workerDisablePrefetch: true });
    await stored(it.app, "elsewhere");
    await using _ = await new Worker(it.app, { concurrency: 1 }).start();
    await sendBack(it.app, { id: "elsewhere" });
    await sendBack(it.app, { id: "new" });
    await until("the next step", () => it.runs.includes("new"));
    assert.deepEqual(it.runs, ["new"]);
  });

  it("have what follows them sent when their result knows of no children, and only then", async () => {
    await using it = await world();
    await stored(it.app, "alone");
    await stored(it.app, "complete", [{ id: "child", parent: null, children: null }]);
    await using worker = await new Worker(it.app).start();
    await sendBack(it.app, { id: "complete", callbacks: [callback] });
    await sendBack(it.app, { id: "alone", callbacks: [callback] });
    await until("the next step", () => it.runs.length > 0);
    await worker.shutdown();
    assert.deepEqual(it.runs, ["after stored"]);
    assert.deepEqual(await messages(it.app, "celery"), []);
  });

  it("are run when the setting is off, when they acknowledge early, and when the store cannot tell", async () => {
    for (const settings of [{ workerDeduplicateSuccessfulTasks: false }, { taskAcksLate: false }, "broken" as const]) {
      await using it = await world(settings === "broken" ? {} : settings);
      await stored(it.app, "again");
      const backend = await it.app.backend();
      if (settings === "broken") backend.load = () => Promise.reject(new Error("no answer"));
      await using _ = await new Worker(it.app).start();
      await sendBack(it.app, { id: "again" });
      await until("the next step", () => it.runs.length > 0);
      assert.deepEqual(it.runs, ["again"]);
    }
  });

  it("are run when they failed, and when their message did not come back", async () => {
    await using it = await world();
    const backend = await it.app.backend();
    const result = { exc_type: "ValueError", exc_message: ["x"], exc_module: "builtins" };
    const dateDone = "2026-01-01T00:00:00";
    await backend.store({ taskId: "failed", status: "FAILURE", result, traceback: null, children: [], dateDone });
    await stored(it.app, "fresh");
    await using _ = await new Worker(it.app).start();
    await sendBack(it.app, { id: "failed" });
    await sendBack(it.app, { id: "fresh" }, { redelivered: false });
    await until("the next step", () => it.runs.length === 2);
    assert.deepEqual(it.runs, ["failed", "fresh"]);
  });
});

describe("messages that come back again and again", () => {
  const counted = (count: number): Record<string, unknown> => ({ "x-celeriac-redeliveries": count });

  it("carry how often, which nobody sees", async () => {
    await using it = setUp({ workerMaxRedeliveries: 3 });
    const gate = deferred();
    const headers: unknown[] = [];
    it.app.task("work", { bind: true }, async (self: TaskContext) => {
      headers.push(self.request.headers, self.request.deliveryInfo.redelivered);
      await gate.promise;
    });
    const worker = await new Worker(it.app, { concurrency: 1, prefetchMultiplier: 1 }).start();
    await sendBack(it.app, { id: "one" }, { own: "header", ...counted(1) });
    await until("the next step", () => headers.length > 0);
    assert.deepEqual(headers, [{ own: "header" }, false]);
    // Stopped cold: given back with the number from before.
    await worker.shutdown({ how: "cold" });
    gate.resolve();
    const [left, ...others] = await messages(it.app, "celery");
    assert.equal(others.length, 0);
    assert.equal(left && redeliveryCount(left.message), 1);
    assert.equal(left?.redelivered, false);
  });

  it("are taken out when it is too often, into the dead letters", async () => {
    await using it = setUp({ workerMaxRedeliveries: 2, workerDeadLetterQueue: "dead" });
    let ran = 0;
    it.app.task("work", () => ran++);
    await using worker = await new Worker(it.app).start();
    await sendBack(it.app, { id: "poison", args: [1, 2] }, { own: "header", ...counted(2) });
    await assert.rejects(it.app.asyncResult("poison").get(soon), /WorkerLostError|came back 3 times/);
    await worker.shutdown();
    assert.equal(ran, 0);
    assert.deepEqual(await messages(it.app, "celery"), []);
    const [dead] = await messages(it.app, "dead");
    const headers = dead?.message.headers ?? {};
    const sent = encodeTask(taskRequest({ task: "work", id: "poison", args: [1, 2] }));
    assert.deepEqual(Buffer.from(dead?.message.body ?? []), Buffer.from(sent.body));
    assert.equal(headers.own, "header");
    assert.equal(headers["x-celeriac-death-reason"], "redelivered");
    assert.equal(headers["x-celeriac-death-count"], 3);
    assert.equal(headers["x-celeriac-death-queue"], "celery");
    assert.ok(Number.isFinite(Date.parse(headers["x-celeriac-death-time"] as string)));
    assert.ok(!("redelivered" in headers) && redeliveryCount(dead!.message) === 0);
  });

  it("are rejected without such a queue", async () => {
    await using it = setUp({ workerMaxRedeliveries: 0 });
    it.app.task("work", () => "ran");
    await using worker = await new Worker(it.app).start();
    await sendBack(it.app, { id: "poison" });
    await assert.rejects(it.app.asyncResult("poison").get(soon), /came back 1 times/);
    await worker.shutdown();
    assert.deepEqual(await messages(it.app, "celery"), []);
  });

  it("run for ever without a limit, as in Celery, and where they acknowledge early", async () => {
    for (const settings of [{}, { workerMaxRedeliveries: 0, taskAcksLate: false }]) {
      await using it = setUp(settings);
      it.app.task("work", () => "ran");
      await using _ = await new Worker(it.app).start();
      await sendBack(it.app, { id: "poison" }, counted(9));
      assert.equal(await it.app.asyncResult("poison").get(soon), "ran");
    }
  });

  it("are tried one at a time", async () => {
    await using it = setUp({ workerMaxRedeliveries: 5 });
    let running = 0;
    let most = 0;
    let ran = 0;
    it.app.task("work", async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      ran++;
    });
    await using _ = await new Worker(it.app, { concurrency: 8 }).start();
    for (let n = 0; n < 8; n++) await sendBack(it.app, { id: `task${n}` });
    await until("the next step", () => ran === 8);
    assert.equal(most, 1);
  });

  it("are tried where a worker takes only what it can start", async () => {
    await using it = setUp({ workerMaxRedeliveries: 5, workerDisablePrefetch: true });
    let ran = 0;
    it.app.task("work", () => ran++);
    for (const id of ["one", "two"]) await sendBack(it.app, { id });
    await using _ = await new Worker(it.app, { concurrency: 1 }).start();
    await until("the next step", () => ran === 2);
  });

  it("hold back nothing for ever that comes under the same id meanwhile", async () => {
    await using it = setUp({ workerMaxRedeliveries: 5 });
    const ran: number[] = [];
    it.app.task("work", { bind: true }, (self: TaskContext) => ran.push(self.request.retries));
    await sendBack(it.app, { id: "one" });
    // Sent by the worker that died, before it could acknowledge.
    for (const retries of [1, 2]) await sendBack(it.app, { id: "one", retries }, { redelivered: false });
    await using _ = await new Worker(it.app, { concurrency: 1 }).start();
    await until("the next step", () => ran.length === 3);
    assert.deepEqual(ran.toSorted(), [0, 1, 2]);
  });

  it("are not counted when a worker stops, or a task asks for it: what it did not do goes back as it came", async () => {
    await using it = setUp({ workerMaxRedeliveries: 1 });
    const gate = deferred();
    const ran: string[] = [];
    it.app.task("work", { bind: true }, async (self: TaskContext) => {
      ran.push(self.id);
      await gate.promise;
      if (self.id === "a" && ran.length < 5) throw new Reject("not now", { requeue: true });
    });
    const worker = await new Worker(it.app, { concurrency: 1, prefetchMultiplier: 4 }).start();
    for (const taskId of ["a", "b", "c"]) await it.app.sendTask("work", [], { taskId });
    await it.app.sendTask("work", [], { taskId: "later", countdown: 600 });
    await until("the next step", async () => ran.length === 1 && (await (await it.app.broker()).size("celery")) === 0);
    const stopping = worker.shutdown();
    gate.resolve();
    await stopping;
    const left = await messages(it.app, "celery");
    assert.deepEqual(
      left.map(({ message, redelivered }) => [message.headers["id"], redelivered, redeliveryCount(message)]).sort(),
      ["a", "b", "c", "later"].map((id) => [id, false, 0]),
    );
  });
});
