import assert from "node:assert/strict";
import { OperationalError } from "../../src/index.js";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { startServer } from "../servers/index.js";
import type { Server, ServerKind } from "../servers/index.js";
import { need } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";

/** The broker dies and comes back: nothing is lost in silence. Each on a server of its own. */
for (const combination of deepCombinations)
  describe(`Node calls Python, lost broker: ${combination.name}`, function () {
    this.timeout(120_000);
    let server: Server;
    let stage: Stage;
    let worker: PythonWorker | undefined;
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

    before(async function () {
      process.on("unhandledRejection", onUnhandled);
      server = await need(this, () => startServer(combination.broker.server as ServerKind, { persistent: true }));
      if (!server.owned) this.skip();
      stage = await openStage(combination, server);
    });
    after(async () => {
      await worker?.kill();
      await stage?.close();
      await server?.stop();
      process.off("unhandledRejection", onUnhandled);
    });

    it("calls, loses the broker, is refused with a typed error, and calls again", async () => {
      worker = await startPythonWorker({ ...stage.target, queues: [stage.queue] });
      const app = stage.app({ taskPublishRetryPolicy: { maxRetries: 1, intervalStart: 0 } });
      assert.equal(await app.sendTask("interop.add", [1, 2]).get({ timeout: 20 }), 3);

      await server.kill();
      const refused = app.sendTask("interop.add", [3, 4]);
      await assert.rejects(refused, (error: unknown) => {
        assert.ok(error instanceof OperationalError, String(error));
        assert.doesNotMatch(error.message, /guest:guest/);
        return true;
      });

      await server.restart();
      await worker.kill();
      worker = await startPythonWorker({ ...stage.target, queues: [stage.queue] });
      assert.equal(await app.sendTask("interop.add", [5, 6]).get({ timeout: 30 }), 11);
    });

    it("keeps waiting for a result while the broker is away", async () => {
      const app = stage.app();
      const sent = await app.sendTask("interop.add", [20, 22], { countdown: 1 });
      const waiting = sent.get({ timeout: 60 }).catch((error: unknown) => error);
      await server.restart();
      await worker?.kill();
      worker = await startPythonWorker({ ...stage.target, queues: [stage.queue] });
      // An rpc reply queue goes with the connection: there the wait may end, but only in a typed error. A message that a
      // killed Redis worker held comes back after its visibility timeout, so this one is called again.
      if (combination.backend.name === "redis") {
        await app.sendTask("interop.add", [20, 22], { taskId: sent.id });
        assert.equal(await waiting, 42);
      } else assert.equal(await app.sendTask("interop.add", [20, 22]).get({ timeout: 30 }), 42);
    });

    it("leaves no promise rejected and unheard", async () => {
      const app = stage.app({ taskPublishRetry: false });
      await server.kill();
      const sent = app.sendTask("interop.add", [1, 1]);
      await assert.rejects(sent.get({ timeout: 5 }), OperationalError);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(unhandled, []);
    });
  });
