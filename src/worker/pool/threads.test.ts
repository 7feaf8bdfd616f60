import assert from "node:assert/strict";
import type { Celery } from "../../client/app.js";
import { TaskError, TimeLimitExceeded, WorkerLostError } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { Decimal, Float } from "../../protocol/values.js";
import { newId } from "../../util/id.js";
import type { WorkerOptions } from "../options.js";
import { Worker } from "../worker.js";
import { makeApp } from "./fixtures/make-app.js";

const fixture = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url);
const soon = { timeout: 15 };

interface Scene {
  readonly app: Celery;
  readonly worker: Worker;
  /** What was stored, with the time it was. */
  readonly stored: { readonly record: ResultRecord; readonly at: number }[];
  readonly logged: string[];
  end(): Promise<void>;
}

/** An application here and a worker whose threads make theirs of the same module. */
async function setUp(options: WorkerOptions = {}, settings: object = {}): Promise<Scene> {
  const logged: string[] = [];
  const note = (message: string): void => void logged.push(message);
  const logger = { debug: note, info: note, warn: note, error: note };
  const app = makeApp(`memory://${newId()}`, { logger, ...settings });
  const stored: { record: ResultRecord; at: number }[] = [];
  const backend = await app.backend();
  const store = backend.store.bind(backend);
  backend.store = (record, context) => {
    stored.push({ record, at: performance.now() });
    return store(record, context);
  };
  const threads = { pool: "threads", module: fixture("app"), concurrency: 2 } as const;
  const worker = await new Worker(app, { ...threads, ...options }).start();
  const end = async (): Promise<void> => {
    await worker.shutdown();
    await app.close();
  };
  return { app, worker, stored, logged, end };
}

/** Calls a task of the fixture. */
const call = (app: Celery, name: string, ...args: unknown[]): Promise<unknown> => app.sendTask(name, args).get(soon);
const failure = async (app: Celery, name: string, ...args: unknown[]): Promise<TaskError> => {
  const error = await app.sendTask(name, args).get({ ...soon, propagate: false });
  assert.ok(error instanceof TaskError, `${name} gave ${String(error)}`);
  return error;
};

describe("threads pool", function () {
  // Threads load everything for themselves, which takes its time on a busy machine.
  this.timeout(60_000);
  let on: Scene;
  before(async () => {
    on = await setUp();
  });
  after(() => on?.end());
  const states = (id: string): string[] =>
    on.stored.filter(({ record }) => record.taskId === id).map(({ record }) => record.status);

  it("runs tasks in threads, several at once", async () => {
    assert.equal(await call(on.app, "add", 2, 3), 5);
    assert.equal(await call(on.app, "nothing"), null);
    const ids = new Set(await Promise.all(Array.from({ length: 20 }, () => call(on.app, "thread"))));
    assert.ok(!ids.has(0), "0 is the main thread");
    assert.equal(ids.size, 2);
  });

  it("carries values of every class in and out", async () => {
    assert.deepEqual(await call(on.app, "classes", new Decimal("1.1"), new Date(0)), ["Decimal", "DateTime"]);
    const result = await on.app.sendTask("values");
    const [decimal, float, int, big, date, uuid, bytes, nan, none] = (await result.get(soon)) as unknown[];
    assert.deepEqual([decimal, float, int, big], [new Decimal("1.10"), 1, 1, 2n ** 70n]);
    assert.ok(date instanceof Date);
    assert.equal(String(uuid), "12345678-1234-5678-1234-567812345678");
    assert.deepEqual([bytes, nan, none], [new Uint8Array([1, 2, 255]), NaN, null]);
    const record = on.stored.find(({ record: one }) => one.taskId === result.id)?.record.result as unknown[];
    assert.ok(record[1] instanceof Float, "an integral float stays one");
  });

  it("fails the task whose value cannot be written, unless nobody reads it", async () => {
    assert.equal((await failure(on.app, "unwritable")).type, "EncodeError");
    await on.app.sendTask("unwritable.unread");
    assert.equal(await call(on.app, "add", 0, 0), 0);
    assert.ok(
      on.logged.some((line) => /unwritable\.unread\[.*succeeded/.test(line)),
      on.logged.join("\n"),
    );
  });

  it("stores errors as if they had been thrown here", async () => {
    const error = await failure(on.app, "fail");
    assert.deepEqual([error.type, error.module, error.message], ["PaymentError", "celeriac", "no funds"]);
    assert.match(error.traceback!, /Error: deeper[\s\S]*direct cause[\s\S]*make-app\.ts[\s\S]*PaymentError: no funds/);
    const typed = await failure(on.app, "fail.typed");
    assert.deepEqual([typed.type, typed.module, typed.args[0]], ["Costly", "shop", new Decimal("1.10")]);
    assert.equal((await failure(on.app, "fail.text")).message, "only a text");
    assert.equal((await failure(on.app, "fail.expected")).message, "as always");
    assert.ok(on.logged.some((line) => /fail\.expected\[.*raised expected: PaymentError/.test(line)));
  });

  it("tries again, replaces, ignores and rejects", async () => {
    const again = await on.app.sendTask("again", [new Decimal("1")]);
    assert.deepEqual(await again.get(soon), [1, "Decimal", "2.50"]);
    assert.deepEqual(states(again.id), ["RETRY", "SUCCESS"]);
    const retry = on.stored.find(({ record }) => record.taskId === again.id && record.status === "RETRY")!.record;
    assert.deepEqual((retry.result as { exc_message: unknown }).exc_message, ["once more"]);
    assert.equal(await call(on.app, "replaced"), 42);
    const ignored = await on.app.sendTask("ignored");
    assert.equal((await failure(on.app, "rejected")).type, "Reject");
    assert.deepEqual(states(ignored.id), []);
  });

  it("stores the states that a handler reports, in order, and tells it what could not be", async () => {
    const task = await on.app.sendTask("progress", [true]);
    assert.equal(await task.get(soon), "EncodeError");
    assert.deepEqual(states(task.id), ["PROGRESS", "LAST", "SUCCESS"]);
    assert.deepEqual(on.stored.find(({ record }) => record.taskId === task.id)?.record.result, {
      done: new Decimal("0.5"),
    });
  });

  it("sends the signals around a task beside its handler", async () => {
    const here: string[] = [];
    const off = on.app.signals.taskPrerun.connect(() => void here.push("prerun"));
    const all = (await Promise.all(Array.from({ length: 4 }, () => call(on.app, "heard")))) as string[][];
    off();
    const heard = all.flat();
    assert.ok(heard.includes("before heard") && heard.includes("after heard: SUCCESS"), heard.join());
    assert.ok(heard.includes("after fail: FAILURE"), heard.join());
    assert.deepEqual(here, []);
  });

  it("aborts the signal of a handler at its soft limit", async () => {
    const [name, message] = (await on.app.sendTask("explains", [], { softTimeLimit: 0.2 }).get(soon)) as string[];
    assert.equal(name, "SoftTimeLimitExceeded");
    assert.match(message!, /soft time limit of 0\.2 s for explains/);
    const error = await on.app.sendTask("waits", [], { softTimeLimit: 0.2 }).get({ ...soon, propagate: false });
    assert.ok(error instanceof TaskError);
    assert.deepEqual([error.type, error.module], ["SoftTimeLimitExceeded", "billiard.exceptions"]);
  });

  it("loses the task whose thread dies, and nothing else", async () => {
    const others = Array.from({ length: 10 }, (_, n) => call(on.app, "add", n, 1));
    for (const [name, code, ...args] of [
      ["exit", 3, 3],
      ["exit", 0, 0],
      ["uncaught", 1],
      ["unhandled", 1],
    ] as const) {
      const error = await failure(on.app, name, ...args);
      assert.ok(error instanceof WorkerLostError, error.type);
      assert.equal(error.message, `Worker exited prematurely: exitcode ${code}.`);
      assert.equal(error.module, "billiard.exceptions");
    }
    assert.deepEqual(
      await Promise.all(others),
      Array.from({ length: 10 }, (_, n) => n + 1),
    );
    assert.equal(await call(on.app, "add", 1, 1), 2);
  });

  it("replaces a thread that dies while idle", async () => {
    await call(on.app, "later");
    await until(() => on.logged.includes("an idle thread of the pool died and is replaced"));
    assert.equal(await call(on.app, "add", 1, 1), 2);
  });

  it("leaves nothing behind after many tasks", async () => {
    const ports = (): number => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
    const many = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 50)
        await Promise.all(Array.from({ length: 50 }, () => call(on.app, "add", 1, 1)));
    };
    await many(100);
    const before = ports();
    const inside = Number(await call(on.app, "resources"));
    await many(1000);
    // The last one closes after its task has ended.
    await until(() => ports() <= before);
    assert.ok(Number(await call(on.app, "resources")) <= inside + 1);
  });
});

describe("threads pool: stopping what runs", function () {
  this.timeout(60_000);
  let on: Scene;
  before(async () => {
    on = await setUp({}, { workerSendTaskEvents: false, taskTrackStarted: true });
  });
  after(() => on?.end());
  const when = (id: string, state: string): number =>
    on.stored.find(({ record }) => record.taskId === id && record.status === state)?.at ?? NaN;

  /** Times of quick tasks, one after the other, until told to stop. */
  async function latencies(go: () => boolean): Promise<number[]> {
    const times: number[] = [];
    while (go()) {
      const start = performance.now();
      await call(on.app, "add", 1, 1);
      times.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return times;
  }

  it("stops a busy loop within 100 ms of its hard limit, and the others keep their latency", async () => {
    const late: number[] = [];
    const quiet: number[] = [];
    const beside: number[] = [];
    for (let round = 0; round < 3; round++) {
      quiet.push(most(await latencies(countTo(40))));
      const loop = await on.app.sendTask("busy", [], { timeLimit: 0.5 });
      const end = loop.get({ ...soon, propagate: false });
      await until(() => !Number.isNaN(when(loop.id, "STARTED")));
      // While it runs: that its thread is replaced afterwards takes time of its own.
      beside.push(most(await latencies(() => performance.now() < when(loop.id, "STARTED") + 480)));
      const error = await end;
      assert.ok(error instanceof TimeLimitExceeded, String(error));
      assert.deepEqual([error.module, error.args], ["billiard.exceptions", [0.5]]);
      late.push(when(loop.id, "FAILURE") - when(loop.id, "STARTED") - 500);
      // The thread that takes its place is there.
      await Promise.all([call(on.app, "waits a moment"), call(on.app, "waits a moment")]);
    }
    // The middle one of three: what else this machine does may hold up any one of them.
    assert.ok(middle(late) < 100, `stopped ${rounded(late)} ms after the limit`);
    assert.ok(
      middle(beside) < middle(quiet) + 100,
      `95 of 100 quick tasks took up to ${rounded(quiet)} ms alone, ${rounded(beside)} ms beside the loops`,
    );
  });

  it("stops a busy loop within 100 ms when it is terminated", async () => {
    const late: number[] = [];
    for (let round = 0; round < 3; round++) {
      const loop = await on.app.sendTask("busy");
      await until(() => !Number.isNaN(when(loop.id, "STARTED")));
      const asked = performance.now();
      await on.app.control.revoke(loop.id, { terminate: true });
      await until(() => !Number.isNaN(when(loop.id, "REVOKED")));
      late.push(when(loop.id, "REVOKED") - asked);
    }
    assert.ok(middle(late) < 100, `stopped after ${rounded(late)} ms`);
    assert.equal(await call(on.app, "add", 1, 1), 2);
  });

  it("goes on with as many threads as before", async () => {
    const ids = new Set(await Promise.all(Array.from({ length: 20 }, () => call(on.app, "thread"))));
    assert.equal(ids.size, 2);
  });
});

describe("threads pool: shutdown", function () {
  this.timeout(60_000);

  for (const how of ["cold", "hard"] as const)
    it(`ends busy loops (${how})`, async () => {
      const on = await setUp({ concurrency: 1 }, { taskTrackStarted: true });
      const loop = await on.app.sendTask("busy");
      await until(() => on.stored.some(({ record }) => record.status === "STARTED"));
      const start = performance.now();
      await on.worker.shutdown({ how });
      const took = performance.now() - start;
      assert.equal(on.worker.state, "stopped");
      assert.ok(took < 5000, `${took} ms`);
      // Nobody calls it lost, or failed.
      const states = on.stored.filter(({ record }) => record.taskId === loop.id).map(({ record }) => record.status);
      assert.deepEqual(
        states.filter((state) => state === "FAILURE"),
        [],
      );
      await on.app.close();
    });
});

describe("threads pool: recycling", function () {
  this.timeout(60_000);

  it("replaces a thread after its tasks, and loses nothing of what it said", async () => {
    const on = await setUp({ concurrency: 1, maxTasksPerChild: 3 });
    try {
      const ids: unknown[] = [];
      for (let n = 0; n < 7; n++) ids.push(await call(on.app, "thread"));
      assert.deepEqual(
        ids.map((id) => ids.indexOf(id)),
        [0, 0, 0, 3, 3, 3, 6],
      );
      // The third, the last one of its thread, has more to say than its outcome.
      const values = [await call(on.app, "thread"), await call(on.app, "progress", true)];
      assert.equal(values[1], "EncodeError");
      assert.deepEqual(
        on.stored.slice(-3).map(({ record }) => record.status),
        ["PROGRESS", "LAST", "SUCCESS"],
      );
    } finally {
      await on.end();
    }
  });

  it("has the module loaded again before the next task comes", async () => {
    const loaded = new Int32Array(new SharedArrayBuffer(4));
    const prepareThreads = { module: fixture("prepare").href, data: { factor: 1, loaded } };
    const on = await setUp({ concurrency: 1, maxTasksPerChild: 1, prepareThreads });
    try {
      for (let tasks = 1; tasks <= 3; tasks++) {
        assert.equal(await call(on.app, "add", tasks, 1), tasks + 1);
        await until(() => Atomics.load(loaded, 0) > tasks);
      }
    } finally {
      await on.end();
    }
  });

  it("replaces a thread that holds too much memory after its task", async () => {
    const on = await setUp({ concurrency: 1, maxMemoryPerChild: 200 * 1024 });
    try {
      const ids = [await call(on.app, "holds", 1), await call(on.app, "holds", 200), await call(on.app, "holds", 1)];
      assert.equal(ids[0], ids[1]);
      assert.notEqual(ids[1], ids[2]);
    } finally {
      await on.end();
    }
  });
});

const countTo = (count: number) => (): boolean => count-- > 0;
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((one, other) => one - other);
const middle = (numbers: readonly number[]): number => sorted(numbers)[Math.floor(numbers.length / 2)] ?? NaN;
const rounded = (numbers: readonly number[]): string => numbers.map(Math.round).join(", ");
/** What 95 of 100 are below. */
const most = (numbers: readonly number[]): number => sorted(numbers)[Math.floor(numbers.length * 0.95)] ?? NaN;

/** Waits for something that will be so. */
async function until(condition: () => boolean, seconds = 15): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    assert.ok(performance.now() < end, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
