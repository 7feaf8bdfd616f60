import assert from "node:assert/strict";
import { Worker } from "../../src/worker/index.js";
import { until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { needShared } from "../servers/shared.js";
import { celeryVersions, newestCelery } from "../python/venvs.mjs";
import { combinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { defineThreadTasks, threadModule } from "../python-to-node/thread-app.js";

const chosen = combinations.filter(
  ({ broker, backend, version }) =>
    ["redis", "amqp"].includes(broker.name) &&
    backend.name === broker.results &&
    [celeryVersions[0], newestCelery].includes(version),
);

/** What runs in a thread is really stopped, and what waits for its thread does not run. */
for (const combination of chosen)
  describe(`revoke in threads: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      const app = stage.app();
      defineThreadTasks(app);
      const module = threadModule(stage.options);
      worker = await new Worker(app, { pool: "threads", concurrency: 1, module, hostname: "threads@remote" }).start();
      python = await PythonClient.start(stage.target);
    });
    after(async () => {
      await worker?.shutdown({ how: "cold" });
      await python?.close();
      await stage?.close();
    });

    const count = async (command: string): Promise<number> =>
      Number(
        await python.run(
          `
answer = app.control.broadcast(values["command"], reply=True, limit=1, timeout=5)
return len(list(answer[0].values())[0])`,
          { command },
        ),
      );

    it("ends a busy loop, and drops the task that waited behind it", async () => {
      const busy = await python.send("threads.busy");
      await until(async () => (await count("active")) === 1);
      const waiting = await python.send("threads.busy");
      await until(async () => (await count("reserved")) === 1);
      await python.run(`app.control.revoke(values["id"])`, { id: waiting });
      await python.run(`app.control.revoke(values["id"], terminate=True, signal="SIGKILL")`, { id: busy });
      // The last to end first: Celery 5.2 takes ten seconds (see client.py) to find an rpc result that came with another.
      const outcomes = [await python.get(waiting), await python.get(busy)].toReversed();
      assert.deepEqual(
        outcomes.map(({ raised }) => [raised?.type, raised?.args]),
        [
          ["TaskRevokedError", ["terminated"]],
          ["TaskRevokedError", ["revoked"]],
        ],
      );
      await until(async () => (await count("active")) === 0);
    });

    it("does so for a handle of ours too", async () => {
      const app = stage.app();
      const busy = await app.sendTask("threads.busy");
      await until(async () => (await count("active")) === 1);
      await busy.revoke({ terminate: true, signal: "SIGKILL" });
      await assert.rejects(busy.get({ timeout: 20 }), /terminated/);
    });
  });
