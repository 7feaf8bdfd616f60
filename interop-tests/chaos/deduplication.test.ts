import assert from "node:assert/strict";
import type { Celery } from "../../src/index.js";
import { queue as queueNamed } from "../../src/protocol/queue.js";
import { Worker } from "../../src/worker/index.js";
import { until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { type Counts, countsOf } from "./counts.js";

/** What one language has done, the other does not do again when its message comes back: results must outlive a look. */
for (const combination of deepCombinations.filter(({ backend }) => backend.over === undefined))
  describe(`tasks that have succeeded, in both languages: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let python: PythonClient;
    let pythonWorker: PythonWorker | undefined;
    let counts: Counts;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      python = await PythonClient.start(stage.target);
      counts = countsOf(stage);
    });
    after(async () => {
      counts?.close();
      await pythonWorker?.stop();
      await python?.close();
      await stage?.close();
    });

    /** Sends the same task again, and has its message come back from a worker that did nothing with it. */
    async function comeBack(app: Celery, id: string, queue: string, arg: string): Promise<void> {
      await python.send("interop.echo", [arg], {}, { queue, task_id: id });
      const consumer = (await app.broker()).consume([queueNamed(queue)], { prefetch: 1 });
      for await (const _ of consumer) break;
      await consumer.close();
      await until(async () => (await python.size(queue)) === 1);
    }

    it("are skipped", async () => {
      const app = stage.app({ taskAcksLate: true, workerDeduplicateSuccessfulTasks: true });
      const ran: string[] = [];
      app.task("interop.echo", (value: string) => {
        ran.push(value);
        return value;
      });
      const [ours, theirs] = [stage.extraQueue("ours"), stage.extraQueue("theirs")];
      const target = {
        ...stage.target,
        conf: { ...stage.target.conf, task_acks_late: true, worker_deduplicate_successful_tasks: true },
      };
      pythonWorker = await startPythonWorker({ ...target, queues: [theirs] });
      const byPython = await python.send("interop.echo", ["first"], {}, { queue: theirs });
      assert.deepEqual(await python.get(byPython), { value: "first" });

      await comeBack(app, byPython, ours, "again");
      await using worker = await new Worker(app, { queues: [ours] }).start();
      const byNode = await python.send("interop.echo", ["node"], {}, { queue: ours });
      assert.deepEqual(await python.get(byNode), { value: "node" });
      await until(async () => (await python.size(ours)) === 0 && (await counts.unacknowledged()) === 0);
      assert.deepEqual(ran, ["node"]);
      assert.deepEqual(await python.get(byPython), { value: "first" });
      await worker.shutdown();

      await pythonWorker.stop();
      await comeBack(app, byNode, theirs, "again");
      pythonWorker = await startPythonWorker({ ...target, queues: [theirs] });
      await pythonWorker.logged(new RegExp(`${byNode}.*already completed|already completed.*${byNode}`, "i"));
      await until(async () => (await python.size(theirs)) === 0 && (await counts.unacknowledged()) === 0);
      assert.deepEqual(await python.get(byNode), { value: "node" });
    });
  });
