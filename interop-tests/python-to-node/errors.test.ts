import assert from "node:assert/strict";
import { Reject } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { PythonClient } from "../python/client.js";
import { needShared } from "../servers/shared.js";
import { combinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { thrown } from "./errors.js";

/** Whatever JavaScript throws is an exception that Python can raise, print and tell from others. */
for (const combination of combinations.filter(
  ({ broker, backend, version }) =>
    broker.name === "redis" && backend.name === "redis" && (version.startsWith("5.2.") || version.startsWith("5.7.")),
))
  describe(`Errors of ours in Python: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;

    before(async function () {
      await needShared(this, "redis");
      stage = await openStage(combination);
      const app = stage.app();
      app.task("errors.throw", (what: string) => {
        throw thrown[what]!.make();
      });
      app.task(
        "errors.exhausted",
        { bind: true, maxRetries: 0, params: ["x", "y"] },
        (self, _x: number, _y: number) => {
          throw self.retry();
        },
      );
      app.task("errors.soft", { bind: true, softTimeLimit: 0.05 }, (self) => {
        return new Promise((_resolve, reject) => {
          self.signal.addEventListener("abort", () => reject(self.signal.reason as Error));
        });
      });
      app.task("errors.hard", { timeLimit: 0.05 }, () => new Promise(() => undefined));
      app.task("errors.reject", { acksLate: true }, () => {
        throw new Reject("not for me");
      });
      worker = await new Worker(app, { concurrency: 4 }).start();
      python = await PythonClient.start(stage.target);
    });
    after(async () => {
      await python?.close();
      await worker?.shutdown();
      await stage?.close();
    });

    for (const [what, { type, module, args, message, traceback }] of Object.entries(thrown))
      it(what, async () => {
        const { raised } = await python.call("errors.throw", [what]);
        assert.ok(raised);
        assert.equal(raised.type, type);
        if (module !== undefined) assert.equal(raised.module, module);
        assert.ok(raised.bases.includes("Exception"));
        assert.deepEqual(raised.args, args);
        assert.equal(raised.message, message ?? args[0]);
        assert.equal(raised.state, "FAILURE");
        assert.match(raised.traceback ?? "", /^Traceback \(most recent call last\):\n/);
        assert.ok((raised.traceback ?? "").length < 65_536, "a traceback stays readable");
        if (traceback) assert.match(raised.traceback ?? "", traceback);
      });

    it("says what it was that could not be tried again", async () => {
      const id = await python.send("errors.exhausted", [1], { y: "two" });
      const { raised } = await python.get(id);
      assert.deepEqual([raised?.type, raised?.module], ["MaxRetriesExceededError", "celery.exceptions"]);
      assert.equal(raised?.message, `Can't retry errors.exhausted[${id}] args:(1,) kwargs:{'y': 'two'}`);
    });

    it("has billiard's classes for time limits", async () => {
      const soft = (await python.call("errors.soft")).raised;
      assert.deepEqual([soft?.type, soft?.module, soft?.args], ["SoftTimeLimitExceeded", "billiard.exceptions", []]);
      const hard = (await python.call("errors.hard")).raised;
      assert.deepEqual([hard?.type, hard?.module, hard?.args], ["TimeLimitExceeded", "billiard.exceptions", [0.05]]);
      assert.equal(hard?.message, "TimeLimitExceeded(0.05,)");
    });

    it("has Celery's Reject for a message that was rejected for good", async () => {
      const { raised } = await python.call("errors.reject");
      assert.deepEqual([raised?.type, raised?.module], ["Reject", "celery.exceptions"]);
    });
  });
