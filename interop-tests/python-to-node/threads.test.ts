import assert from "node:assert/strict";
import { Worker } from "../../src/worker/index.js";
import { recordingLogger } from "../expect.js";
import { PythonClient } from "../python/client.js";
import type { Outcome } from "../python/client.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { defineTasks } from "./tasks.js";
import { defineThreadTasks, threadModule } from "./thread-app.js";

/** What only threads can do, as Python sees it. */
for (const combination of deepCombinations)
  describe(`Threads seen by Python: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;
    const { lines, logger } = recordingLogger();

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      const app = stage.app({ logger });
      defineTasks(app);
      defineThreadTasks(app);
      worker = await new Worker(app, { pool: "threads", concurrency: 2, module: threadModule(stage.options) }).start();
      python = await PythonClient.start(stage.target);
    });
    after(async () => {
      await python?.close();
      await worker?.shutdown();
      await stage?.close();
    });
    afterEach(function () {
      if (this.currentTest?.state === "failed") for (const line of lines) console.log("   ", line);
    });

    it("raises TimeLimitExceeded for a busy loop, while other tasks go on", async () => {
      const loop = await python.send("threads.busy", [], {}, { time_limit: 2 });
      const start = performance.now();
      assert.deepEqual(await python.call("node.add", [2, 3]), { value: 5 });
      assert.ok(performance.now() < start + 1900, "it did not wait for the loop");
      const error = raised(await python.get(loop));
      assert.deepEqual([error.type, error.module, error.args], ["TimeLimitExceeded", "billiard.exceptions", [2]]);
      assert.equal(error.state, "FAILURE");
    });

    it("raises SoftTimeLimitExceeded for a handler that was told to stop", async () => {
      const error = raised(await python.call("threads.soft", [], {}, { soft_time_limit: 0.3 }));
      assert.deepEqual([error.type, error.module], ["SoftTimeLimitExceeded", "billiard.exceptions"]);
    });

    it("raises WorkerLostError for a task whose thread died; its message is settled", async () => {
      const error = raised(await python.call("threads.die", [3]));
      assert.deepEqual([error.type, error.module], ["WorkerLostError", "billiard.exceptions"]);
      assert.match(error.message, /^Worker exited prematurely: exitcode 3/);
    });

    it("runs it again where the task asks for that", async () => {
      assert.deepEqual(await python.call("threads.die_once"), { value: "survived" });
    });

    it("sends tasks from within threads, as children of the one that runs", async () => {
      const parent = await python.send("threads.parent");
      const { value: child } = await python.get(parent);
      // rpc answers whoever sent it: the thread.
      if (combination.backend.name.startsWith("rpc")) return;
      assert.deepEqual(await python.get(String(child)), { value: 42 });
      const record = await (await stage.app().backend()).load(parent);
      assert.deepEqual(
        record?.children?.map(({ id }) => id),
        [child],
      );
    });
  });

function raised(outcome: Outcome): NonNullable<Outcome["raised"]> {
  assert.ok(outcome.raised, `returned ${JSON.stringify(outcome.value)}`);
  return outcome.raised;
}
