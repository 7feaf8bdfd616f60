import assert from "node:assert/strict";
import {
  MaxRetriesExceededError,
  NotRegistered,
  SoftTimeLimitExceeded,
  TaskError,
  TimeLimitExceeded,
  WorkerLostError,
} from "../../src/index.js";
import type { Celery } from "../../src/index.js";
import { failure } from "../expect.js";
import { newestCelery } from "../python/venvs.mjs";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { needShared } from "../servers/shared.js";
import { combinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";

interface Expected {
  readonly name: string;
  readonly args?: readonly unknown[];
  readonly Class?: abstract new (...args: never[]) => TaskError;
  readonly type: string;
  readonly module: string;
  readonly message: string | RegExp;
  readonly with: readonly unknown[] | RegExp;
  readonly traceback?: RegExp;
}

const fail = (code: string): Pick<Expected, "name" | "args"> => ({ name: "interop.raises", args: [code] });

const cases: Readonly<Record<string, Expected>> = {
  "a ValueError": {
    ...fail("ValueError('it broke')"),
    ...{ type: "ValueError", module: "builtins", message: "it broke", with: ["it broke"] },
    traceback: /^Traceback \(most recent call last\):[^]*ValueError: it broke\n$/,
  },
  "a KeyError, whose text is quoted": {
    ...fail("KeyError('missing')"),
    ...{ type: "KeyError", module: "builtins", message: "'missing'", with: ["missing"] },
  },
  "no arguments": { ...fail("RuntimeError()"), type: "RuntimeError", module: "builtins", message: "", with: [] },
  "an OSError": {
    ...fail("FileNotFoundError(2, 'No such file', '/x')"),
    ...{
      type: "FileNotFoundError",
      module: "builtins",
      message: /^\[Errno 2\] No such file/,
      with: /^\[2,"No such file"/,
    },
  },
  "a class of the program's own, with several arguments": {
    ...{ name: "interop.fail_custom", args: [402, "no funds"] },
    ...{ type: "PaymentError", module: "tasks", message: "(402, 'no funds')", with: [402, "no funds"] },
  },
  "arguments that JSON cannot carry": {
    ...fail("ValueError(object, {1, 2}, 5)"),
    ...{ type: "ValueError", module: "builtins", message: /^\(.*class 'object'.*, 5\)$/, with: /class 'object'/ },
  },
  "a cause": {
    name: "interop.fail_nested",
    ...{ type: "RuntimeError", module: "builtins", message: "outer", with: ["outer"] },
    traceback: /ValueError: inner\n\nThe above exception was the direct cause[^]*RuntimeError: outer\n$/,
  },
  "an exception group": {
    ...fail("ExceptionGroup('several', [ValueError('a'), KeyError('b')])"),
    ...{ type: "ExceptionGroup", module: "builtins", message: /several/, with: /several/ },
    traceback: /2 sub-exceptions/,
  },
  "a text that is no ASCII, over two lines": {
    ...fail("ValueError('Grüße\\n🎉')"),
    ...{ type: "ValueError", module: "builtins", message: "Grüße\n🎉", with: ["Grüße\n🎉"] },
  },
  "a message of 1 MiB": {
    ...fail("ValueError('x' * 2 ** 20)"),
    ...{ type: "ValueError", module: "builtins", message: "x".repeat(2 ** 20), with: ["x".repeat(2 ** 20)] },
  },
  "no more retries": {
    name: "interop.no_more",
    Class: MaxRetriesExceededError,
    ...{ type: "MaxRetriesExceededError", module: "celery.exceptions" },
    ...{ message: /^Can't retry interop\.no_more\[.*\] args:\(\) kwargs:\{\}$/, with: /^\["Can't retry/ },
  },
  "the hard time limit": {
    ...{ name: "interop.limited", args: [10, null, 1], Class: TimeLimitExceeded },
    ...{ type: "TimeLimitExceeded", module: "billiard.exceptions", message: "TimeLimitExceeded(1,)", with: [1] },
  },
  "the soft time limit": {
    ...{ name: "interop.limited", args: [10, 1, 9], Class: SoftTimeLimitExceeded },
    ...{ type: "SoftTimeLimitExceeded", module: "billiard.exceptions", message: "SoftTimeLimitExceeded()", with: [] },
  },
  "a process that is gone": {
    ...{ name: "interop.dies", Class: WorkerLostError, type: "WorkerLostError", module: "billiard.exceptions" },
    ...{ message: /exited prematurely/, with: /exited prematurely/ },
  },
  "no such task": {
    ...{ name: "interop.nobody", Class: NotRegistered, type: "NotRegistered", module: "celery.exceptions" },
    ...{ message: "'interop.nobody'", with: ["interop.nobody"] },
  },
};

/** What Python raises is an error here that says as much. */
for (const combination of combinations.filter(
  ({ broker, backend, version }) => broker.name === "redis" && backend.name === "redis" && version === newestCelery,
))
  describe(`Python's errors here: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: PythonWorker;
    let app: Celery;

    before(async function () {
      await needShared(this, "redis");
      stage = await openStage(combination);
      // Limits and lost processes need processes.
      worker = await startPythonWorker({ ...stage.target, queues: [stage.queue], pool: "prefork", concurrency: 2 });
      app = stage.app();
    });
    after(async () => {
      await worker?.stop();
      await stage?.close();
    });

    for (const [what, expected] of Object.entries(cases))
      it(what, async () => {
        const [seconds, soft, hard] = (expected.args ?? []) as [number, number | null, number];
        const limits = { ...(soft && { softTimeLimit: soft }), timeLimit: hard };
        const sent =
          expected.name === "interop.limited"
            ? app.sendTask("interop.sleep", [seconds], limits)
            : app.sendTask(expected.name, expected.args);
        const error = await failure(sent.get({ timeout: 30 }));
        if (expected.Class) assert.ok(error instanceof expected.Class);
        else assert.equal(error.constructor, TaskError);
        assert.deepEqual([error.type, error.module, error.taskId], [expected.type, expected.module, sent.id]);
        if (expected.message instanceof RegExp) assert.match(error.message, expected.message);
        else assert.equal(error.message, expected.message);
        if (expected.with instanceof RegExp) assert.match(JSON.stringify(error.args), expected.with);
        else assert.deepEqual(error.args, expected.with);
        if (expected.traceback) assert.match(error.traceback ?? "", expected.traceback);
      });

    it("is the error of RETRY while it waits", async () => {
      const sent = await app.sendTask("interop.flaky", [1, 600]);
      for await (const { state, result, traceback } of sent.updates()) {
        assert.equal(state, "RETRY");
        assert.ok(result instanceof TaskError);
        assert.deepEqual([result.type, result.args], ["ValueError", ["attempt 0"]]);
        assert.match(traceback ?? "", /Traceback/);
        break;
      }
      await sent.revoke();
    });
  });
