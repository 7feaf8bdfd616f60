import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Celery, type CeleryOptions } from "../client/app.js";
import {
  CeleryError,
  Ignore,
  ImproperlyConfigured,
  NotRegistered,
  OperationalError,
  Reject,
  TaskError,
  TimeLimitExceeded,
} from "../errors.js";
import { toQueue } from "../protocol/queue.js";
import type { ResultRecord } from "../protocol/result.js";
import { encodeContent } from "../protocol/serializers/registry.js";
import { deferred } from "../util/deferred.js";
import { Float } from "../protocol/values.js";
import { newId } from "../util/id.js";
import { Worker } from "./worker.js";
import type { WorkerOptions } from "./options.js";

/** An application and a worker over the in-process broker and backend; each test has its own. */
async function setUp(
  define: (app: Celery) => void,
  options: WorkerOptions = {},
  settings: Partial<CeleryOptions> = {},
): Promise<{ app: Celery; worker: Worker; logged: [string, unknown][] } & AsyncDisposable> {
  const name = newId();
  const logged: [string, unknown][] = [];
  const note = (message: string, fields?: object): void => void logged.push([message, fields]);
  const app = new Celery({
    broker: `memory://${name}`,
    backend: `memory://${name}`,
    logger: { debug: note, info: note, warn: note, error: note },
    ...settings,
  });
  define(app);
  const worker = await new Worker(app, { concurrency: 4, ...options }).start();
  const end = async (): Promise<void> => {
    await worker.shutdown({ how: "cold" });
    await app.close();
  };
  return { app, worker, logged, [Symbol.asyncDispose]: end };
}

const soon = { timeout: 10 };

/** Has every store of the application's backend wait for this first. */
async function onStore(app: Celery, before: (record: ResultRecord) => Promise<void> | void): Promise<void> {
  const backend = await app.backend();
  const store = backend.store.bind(backend);
  backend.store = async (record, context) => {
    await before(record);
    await store(record, context);
  };
}

describe("worker", () => {
  it("runs tasks and stores their results", async () => {
    await using it = await setUp((app) => app.task("add", (x: number, y: number) => x + y));
    assert.equal(await it.app.sendTask("add", [2, 3]).get(soon), 5);
    assert.equal(await it.app.asyncResult(newId()).state(), "PENDING");
  });

  it("turns undefined into null", async () => {
    await using it = await setUp((app) => app.task("nothing", () => undefined));
    assert.equal(await it.app.sendTask("nothing").get(soon), null);
  });

  it("stores errors as exceptions that reject with type, message and traceback", async () => {
    await using it = await setUp((app) =>
      app.task("bad", () => {
        throw new TypeError("no good", { cause: new Error("deeper") });
      }),
    );
    const result = await it.app.sendTask("bad");
    await assert.rejects(result.get(soon), (error) => {
      assert.ok(error instanceof TaskError);
      assert.deepEqual([error.type, error.message, error.taskId], ["TypeError", "no good", result.id]);
      assert.match(error.traceback!, /^Traceback \(most recent call last\):/);
      return true;
    });
    const error = await result.get({ ...soon, propagate: false });
    assert.ok(error instanceof TaskError, "without propagate the error is the value");
    assert.equal((await result.meta()).state, "FAILURE");
  });

  it("passes keywords by the names in params", async () => {
    await using it = await setUp((app) => app.task("sub", { params: ["x", "y"] }, (x: number, y: number) => x - y));
    assert.equal(await it.app.sendTask("sub", [5], { kwargs: { y: 3 } }).get(soon), 2);
    await assert.rejects(
      it.app.sendTask("sub", [5], { kwargs: { z: 3 } }).get(soon),
      /unexpected keyword argument 'z'/,
    );
  });

  it("runs no more than its concurrency at once, and goes on when a slot is free", async () => {
    let running = 0;
    let most = 0;
    await using it = await setUp((app) =>
      app.task("busy", async (n: number) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return n;
      }),
    );
    const values = Promise.all(Array.from({ length: 50 }, (_, n) => it.app.sendTask("busy", [n]).get(soon)));
    assert.deepEqual(
      await values,
      Array.from({ length: 50 }, (_, n) => n),
    );
    assert.equal(most, 4);
  });

  it("goes on after unknown tasks and messages that are not tasks (a defect of others)", async () => {
    await using it = await setUp((app) => app.task("ok", () => "ok"));
    await assert.rejects(it.app.sendTask("no.such", [1]).get(soon), (error) => {
      assert.ok(error instanceof NotRegistered);
      assert.deepEqual(error.args, ["no.such"]);
      return true;
    });
    const broker = await it.app.broker();
    const bodies = [encodeContent([1, 2], "json"), encodeContent("text", "json"), encodeContent({}, "pickle")];
    for (const content of bodies)
      await broker.publish({ ...content, headers: { task: "ok", id: newId() }, properties: {} }, toQueue("celery"));
    const broken = { body: Buffer.from("{"), contentType: "application/json", contentEncoding: "utf-8" };
    await broker.publish({ ...broken, headers: { task: "ok", id: "x" }, properties: {} }, toQueue("celery"));
    assert.equal(await it.app.sendTask("ok").get(soon), "ok");
    assert.equal(it.logged.filter(([text]) => text === "a message was rejected").length, 3);
    assert.equal(it.logged.filter(([text]) => text === "a message could not be read and was dropped").length, 1);
  });

  it("acknowledges before the run by default and after it with acksLate", async () => {
    const seen: Record<string, number> = {};
    const gate = deferred();
    const started = deferred();
    await using it = await setUp(
      (app) => {
        app.task("early", () => undefined);
        app.task("late", { acksLate: true }, async () => {
          started.resolve();
          await gate.promise;
        });
      },
      { prefetchMultiplier: 1, concurrency: 1 },
    );
    const late = await it.app.sendTask("late");
    await started.promise;
    await it.app.sendTask("early");
    seen.waiting = await (await it.app.broker()).size("celery");
    assert.equal(seen.waiting, 1, "the prefetch window is full while the late one is not acknowledged");
    gate.resolve();
    await late.get(soon);
  });

  it("gives back what was not started, lets what runs end, on shutdown", async () => {
    const gate = deferred();
    const started = deferred();
    const it = await setUp(
      (app) =>
        app.task("slow", async (n: number) => {
          started.resolve();
          await gate.promise;
          return n;
        }),
      { concurrency: 1 },
    );
    const sent = [
      await it.app.sendTask("slow", [0]),
      await it.app.sendTask("slow", [1]),
      await it.app.sendTask("slow", [2]),
    ];
    await started.promise;
    const stopped = it.worker.shutdown();
    assert.equal(it.worker.state, "stopping");
    gate.resolve();
    await stopped;
    assert.equal(it.worker.state, "stopped");
    assert.equal(await sent[0]!.get(soon), 0);
    assert.equal(await (await it.app.broker()).size("celery"), 2);
    await it.app.close();
  });

  it("gives a late-acknowledged running task back when it is forced to stop", async () => {
    const started = deferred<AbortSignal>();
    const it = await setUp((app) =>
      app.task("stuck", { bind: true, acksLate: true }, async (self) => {
        started.resolve(self.signal);
        await new Promise(() => undefined);
      }),
    );
    await it.app.sendTask("stuck");
    const signal = await started.promise;
    await it.worker.shutdown({ how: "cold" });
    assert.ok(signal.aborted, "the handler was told");
    assert.equal(await (await it.app.broker()).size("celery"), 1);
    await it.app.close();
  });

  it("waits for the eta without filling the prefetch window", async () => {
    await using it = await setUp((app) => app.task("now", () => Date.now()), { concurrency: 1, prefetchMultiplier: 1 });
    const far = await Promise.all([1, 2, 3].map(() => it.app.sendTask("now", [], { countdown: 1000 })));
    const due = Date.now() + 300;
    const near = await it.app.sendTask("now", [], { eta: new Date(due) });
    assert.equal(typeof (await it.app.sendTask("now").get(soon)), "number");
    assert.ok(((await near.get(soon)) as number) >= due);
    assert.equal(await far[0]!.state(), "PENDING");
  });

  it("does not run what has expired", async () => {
    let runs = 0;
    await using it = await setUp((app) => app.task("count", () => ++runs));
    const expired = it.app.sendTask("count", [], { countdown: 0.2, expires: 0.1 });
    await assert.rejects(expired.get(soon), (error) => {
      assert.ok(error instanceof TaskError);
      assert.deepEqual([error.type, error.message], ["TaskRevokedError", "expired"]);
      return true;
    });
    assert.equal(runs, 0);
  });

  it("retries under the same id, and gives up after maxRetries with the cause", async () => {
    const seen: [string, number][] = [];
    await using it = await setUp((app) => {
      app.task("flaky", { bind: true, maxRetries: 2 }, (self, until: number) => {
        seen.push([self.id, self.retries]);
        if (self.retries < until) throw self.retry({ countdown: 0, cause: new RangeError("not yet") });
        return `after ${self.retries}`;
      });
    });
    const good = await it.app.sendTask("flaky", [2]);
    assert.equal(await good.get(soon), "after 2");
    assert.deepEqual(
      seen,
      [0, 1, 2].map((n) => [good.id, n]),
    );
    const bad = it.app.sendTask("flaky", [9]);
    await assert.rejects(bad.get(soon), (error) => error instanceof TaskError && error.type === "RangeError");
  });

  it("shows states of the task's own, none of which is taken for the result (a defect of others)", async () => {
    const go = deferred();
    await using it = await setUp((app) => {
      app.task("steps", { bind: true, trackStarted: true }, async (self) => {
        await go.promise;
        await self.updateState("PROGRESS", { done: 1 });
        return "end";
      });
    });
    const result = await it.app.sendTask("steps");
    const states: string[] = [];
    for await (const { state, result: info } of result.updates()) {
      states.push(`${state} ${state === "PROGRESS" ? JSON.stringify(info) : ""}`.trim());
      if (state === "STARTED") go.resolve();
    }
    assert.deepEqual(states, ["STARTED", 'PROGRESS {"done":1}', "SUCCESS"]);
    assert.equal(await result.get(soon), "end");
  });

  it("enforces the hard limit and lets the soft one through the signal", async () => {
    await using it = await setUp((app) => {
      app.task("never", { timeLimit: 0.05 }, () => new Promise(() => undefined));
      app.task("polite", { bind: true, softTimeLimit: 0.05 }, (self) => {
        return new Promise((_resolve, reject) => {
          self.signal.addEventListener("abort", () => reject(self.signal.reason as Error));
        });
      });
    });
    await assert.rejects(it.app.sendTask("never").get(soon), TimeLimitExceeded);
    await assert.rejects(it.app.sendTask("polite").get(soon), /SoftTimeLimitExceeded|soft time limit|^$/);
    await assert.rejects(it.app.sendTask("never", [], { timeLimit: 0.01 }).get(soon), (error) => {
      assert.ok(error instanceof TimeLimitExceeded);
      assert.deepEqual(error.args, [0.01], "the message's limit wins");
      return true;
    });
    await assert.rejects(it.app.sendTask("never", [], { timeLimit: 0 }).get(soon), (error) => {
      assert.ok(error instanceof TimeLimitExceeded);
      assert.deepEqual(error.args, [0.05], "0 leaves it to the task");
      return true;
    });
  });

  it("runs callbacks, errbacks and the tasks that a task sends", async () => {
    const got = deferred<unknown[]>();
    const failed = deferred<string>();
    await using it = await setUp((app) => {
      const seen: unknown[] = [];
      app.task("one", () => 1);
      const keep = app.task("keep", (value: number, extra: string) => {
        seen.push([value, extra]);
        if (seen.length === 2) got.resolve(seen);
      });
      app.task("bad", () => {
        throw new Error("x");
      });
      app.task("errback", (id: string) => failed.resolve(id));
      app.task("parent", async () => (await keep.delay(0, "child")).id);
    });
    const keep = it.app.signature("keep", ["a"]);
    await it.app.sendTask("one", [], { link: [keep, it.app.signature("keep", ["b"])] }).get(soon);
    assert.deepEqual(
      new Set(await got.promise),
      new Set([
        [1, "a"],
        [1, "b"],
      ]),
    );
    const bad = await it.app.sendTask("bad", [], { linkError: it.app.signature("errback") });
    assert.equal(await failed.promise, bad.id);
    const parent = await it.app.sendTask("parent");
    const child = await parent.get(soon);
    assert.deepEqual(
      (await parent.children()).map(({ id }) => id),
      [child],
    );
  });

  it("sends errbacks with Python's floats as they are", async () => {
    await using it = await setUp((app) =>
      app.task("bad", () => {
        throw new Error("x");
      }),
    );
    const errback = it.app.signature("errback", [new Float(1)], { queue: "elsewhere" });
    await it.app.sendTask("bad", [], { linkError: errback });
    const broker = await it.app.broker();
    const consumer = broker.consume([it.app.queues.get("elsewhere")], { noAck: true });
    for await (const { message } of consumer) {
      assert.match(Buffer.from(message.body).toString(), /^\[\["[^"]+", 1\.0\], /);
      break;
    }
  });

  it("refuses a task that it could not continue, before it runs: chords, and what is hidden in a group", async () => {
    let runs = 0;
    await using it = await setUp((app) => app.task("first", () => ++runs));
    const signature = (task: string, kwargs: object, type: string | null) => ({
      ...{ task, args: [], kwargs, options: {}, subtask_type: type, immutable: false },
    });
    const chord = signature("celery.chord", { header: [], body: null }, "chord");
    const inner = signature("celery.group", { tasks: [chord] }, "group");
    const broker = await it.app.broker();
    for (const embed of [
      { chord },
      { chain: [chord] },
      { callbacks: [signature("celery.group", { tasks: [inner] }, "group")] },
    ]) {
      const id = newId();
      const body = encodeContent([[], {}, embed], "json");
      await broker.publish({ ...body, headers: { task: "first", id }, properties: {} }, toQueue("celery"));
      await assert.rejects(it.app.asyncResult(id).get(soon), /NotSupported|chord/);
    }
    assert.equal(runs, 0);
  });

  it("stores nothing for Ignore, and gives rejected messages back when they are acknowledged late", async () => {
    let runs = 0;
    await using it = await setUp((app) => {
      app.task("ignore", () => {
        throw new Ignore();
      });
      app.task("reject", { acksLate: true }, () => {
        if (++runs < 3) throw new Reject("again", { requeue: true });
        return runs;
      });
    });
    const ignored = await it.app.sendTask("ignore");
    assert.equal(await it.app.sendTask("reject").get(soon), 3);
    assert.equal(await ignored.state(), "PENDING");
  });

  it("fails a task whose value cannot be written", async () => {
    await using it = await setUp((app) => app.task("set", () => new Set([1])));
    await assert.rejects(
      it.app.sendTask("set").get(soon),
      (error) => error instanceof TaskError && error.type === "EncodeError",
    );
  });

  it("stores nothing for a task that ignores its result, but answers get() at once", async () => {
    await using it = await setUp((app) => app.task("quiet", { ignoreResult: true }, () => 1));
    const quiet = await it.app.sendTask("quiet", [], { ignoreResult: true });
    assert.equal(await quiet.get(), null);
    const asked = await it.app.sendTask("quiet", [], { ignoreResult: false });
    assert.equal(await asked.get(soon), 1, "the sender's explicit choice wins");
  });

  it("refuses options that cannot be meant and starts only once", async () => {
    await using it = await setUp(() => undefined);
    assert.throws(() => new Worker(it.app, { concurrency: 0 }), ImproperlyConfigured);
    assert.throws(() => new Worker(it.app, { queue: ["x"] } as WorkerOptions), /did you mean queues/);
    await assert.rejects(it.worker.start(), CeleryError);
  });

  it("never logs the arguments of a task (a defect of others)", async () => {
    await using it = await setUp((app) => {
      app.task("login", { params: ["user", "password"] }, (_user: string, _password: string) => true);
      app.task("fails", (_password: string) => {
        throw new Error("no");
      });
    });
    await it.app.sendTask("login", ["me"], { kwargs: { password: "hunter2" } }).get(soon);
    await it.app.sendTask("fails", ["hunter2"]).get({ ...soon, propagate: false });
    await it.app.sendTask("unknown", ["hunter2"]).get({ ...soon, propagate: false });
    assert.ok(it.logged.length >= 5);
    assert.doesNotMatch(inspect(it.logged, { depth: 10, showHidden: true }), /hunter2/);
  });

  it("runs until its signal aborts", async () => {
    const name = newId();
    await using app = new Celery({ broker: `memory://${name}`, backend: `memory://${name}` });
    const controller = new AbortController();
    const worker = new Worker(app, { hostname: "w1" });
    const run = worker.run({ signal: controller.signal });
    assert.match(worker.hostname, /^celery@w1$/);
    controller.abort();
    await run;
    assert.equal(worker.state, "stopped");
  });

  it("takes nothing when it is shut down while it starts", async () => {
    const name = newId();
    await using app = new Celery({ broker: `memory://${name}`, backend: `memory://${name}` });
    app.task("t", () => assert.fail("a stopped worker took it"));
    const worker = new Worker(app);
    const started = worker.start();
    await worker.shutdown();
    await started;
    await app.sendTask("t");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await (await app.broker()).size("celery"), 1);
  });

  it("survives a store that refuses STARTED while the task still runs", async () => {
    await using it = await setUp((app) =>
      app.task("t", { trackStarted: true }, () => new Promise((resolve) => setTimeout(resolve, 20, "end"))),
    );
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    await onStore(it.app, (record) => {
      if (record.status === "STARTED") throw new OperationalError("away");
    });
    assert.equal(await it.app.sendTask("t").get(soon), "end");
    process.off("unhandledRejection", note);
    assert.deepEqual(unhandled, []);
    assert.ok(it.logged.some(([text]) => text === "STARTED could not be stored"));
  });

  it("lets no state follow the final one", async () => {
    const gate = deferred();
    const reported = deferred();
    await using it = await setUp((app) =>
      app.task("t", { bind: true, timeLimit: 0.02 }, async (self) => {
        await gate.promise;
        await self.updateState("PROGRESS", { done: 1 });
        reported.resolve();
      }),
    );
    const result = await it.app.sendTask("t");
    await assert.rejects(result.get(soon), TimeLimitExceeded);
    gate.resolve();
    await reported.promise;
    assert.equal(await it.app.asyncResult(result.id).state(), "FAILURE");
  });

  it("fails a task whose next attempt cannot be sent, instead of running it for ever", async () => {
    let runs = 0;
    await using it = await setUp((app) =>
      app.task("t", { bind: true, acksLate: true }, (self, kind: string) => {
        if (++runs > 10) throw new Ignore();
        const unwritable = { countdown: 0, args: [Symbol("no JSON")] };
        throw self.retry(kind === "args" ? unwritable : kind === "eta" ? { eta: new Date(NaN) } : { countdown: NaN });
      }),
    );
    const typeOf = async (kind: string): Promise<unknown> => {
      const error = await it.app.sendTask("t", [kind]).get({ ...soon, propagate: false });
      return error instanceof TaskError && error.type;
    };
    assert.deepEqual(
      [await typeOf("args"), await typeOf("eta"), await typeOf("countdown")],
      ["EncodeError", "ImproperlyConfigured", "ImproperlyConfigured"],
    );
    assert.equal(runs, 3);
  });

  it("fails a task whose callback cannot be routed, and lets one be whose errback cannot", async () => {
    let runs = 0;
    const taskRoutes = (name: string): null => {
      if (name === "lost") throw new RangeError("no way");
      return null;
    };
    await using it = await setUp(
      (app) =>
        app.task("t", { acksLate: true }, (good: boolean) => {
          if (++runs > 10) throw new Ignore();
          if (!good) throw new TypeError("bad");
        }),
      {},
      { taskRoutes },
    );
    const lost = it.app.signature("lost");
    const ends = async (good: boolean): Promise<unknown> => {
      const options = good ? { link: lost } : { linkError: lost };
      const error = await it.app.sendTask("t", [good], options).get({ ...soon, propagate: false });
      return error instanceof TaskError && error.type;
    };
    assert.deepEqual([await ends(true), await ends(false)], ["RangeError", "TypeError"]);
    await it.worker.shutdown();
    assert.equal(runs, 2);
    assert.equal(await (await it.app.broker()).size("celery"), 0);
  });

  it("takes no more while very many outcomes wait for the store", async () => {
    let runs = 0;
    const gate = deferred();
    await using it = await setUp((app) => app.task("t", () => ++runs), { concurrency: 2 });
    await onStore(it.app, () => gate.promise);
    const sent = await Promise.all(Array.from({ length: 1500 }, () => it.app.sendTask("t")));
    while (runs < 1002) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runs, 1002);
    gate.resolve();
    await Promise.all(sent.map((one) => one.get(soon)));
    assert.equal(runs, 1500);
  });

  it("waits at shutdown until a refusal is stored", async () => {
    const storing = deferred();
    const gate = deferred();
    await using it = await setUp(() => undefined);
    await onStore(it.app, () => {
      storing.resolve();
      return gate.promise;
    });
    const sent = await it.app.sendTask("no.such");
    await storing.promise;
    const stopped = it.worker.shutdown().then(() => sent.state());
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    assert.equal(await stopped, "FAILURE");
  });
});
