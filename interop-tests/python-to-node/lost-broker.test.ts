import assert from "node:assert/strict";
import { OperationalError } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { recordingLogger, until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { startServer } from "../servers/index.js";
import type { Server, ServerKind } from "../servers/index.js";
import { need } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { defineTasks } from "./tasks.js";
import { startNodeWorker } from "./worker.js";

/** The broker goes away under a worker of ours (defect of others: a zombie that neither ends nor comes back). */
for (const combination of deepCombinations)
  describe(`Python calls Node, lost broker: ${combination.name}`, function () {
    this.timeout(120_000);
    let server: Server;
    let stage: Stage;

    before(async function () {
      server = await need(this, () => startServer(combination.broker.server as ServerKind, { persistent: true }));
      if (!server.owned) this.skip();
      stage = await openStage(combination, server);
    });
    after(async () => {
      await stage?.close();
      await server?.stop();
    });

    async function call(...args: Parameters<PythonClient["call"]>): Promise<unknown> {
      // A client of its own for each: what Python's client does after a restart is not our subject.
      const python = await PythonClient.start(stage.target);
      try {
        return await python.call(...args);
      } finally {
        await python.close();
      }
    }

    it("comes back after each restart, and runs on", async () => {
      const { lines, logger } = recordingLogger();
      const app = stage.app({ logger });
      defineTasks(app);
      const worker = await new Worker(app, { concurrency: 2 }).start();
      assert.deepEqual(await call("node.add", [1, 2]), { value: 3 });
      for (let round = 0; round < 2; round++) {
        lines.splice(0);
        await server.kill();
        await until(() => lines.some(({ level }) => level === "warn"));
        await server.restart();
        assert.deepEqual(await call("node.add", [round, 2]), { value: round + 2 });
      }
      assert.equal(worker.state, "running");
      assert.ok(!JSON.stringify(lines).includes("guest:guest"));
      await worker.shutdown();
    });

    it("finishes what runs while the broker is away, and is asked again where it acknowledges late", async () => {
      const app = stage.app({ taskAcksLate: true });
      const queue = stage.extraQueue("running");
      const runs: number[] = [];
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      app.task("node.gated", async (n: number) => {
        runs.push(n);
        await gate;
        return n;
      });
      const worker = await new Worker(app, { queues: [queue], concurrency: 1 }).start();
      await app.sendTask("node.gated", [7], { queue });
      await until(() => runs.length === 1);
      await server.restart();
      open();
      // RabbitMQ gives the message to somebody else at once; Redis only after the visibility timeout.
      if (combination.broker.name === "amqp") await until(() => runs.length === 2);
      await worker.shutdown();
    });

    it("starts before its broker does", async () => {
      await server.kill();
      const app = stage.app();
      defineTasks(app);
      const worker = new Worker(app, { concurrency: 1 });
      const started = worker.start();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await server.restart();
      await started;
      assert.deepEqual(await call("node.add", [2, 2]), { value: 4 });
      await worker.shutdown();
    });

    it("ends with a typed error when it may not try again", async () => {
      const app = stage.app({ brokerConnectionMaxRetries: 1 });
      defineTasks(app);
      const worker = new Worker(app, { concurrency: 1 });
      const running = worker.run();
      await until(() => worker.state === "running");
      await server.kill();
      await assert.rejects(running, (error: unknown) => {
        assert.ok(error instanceof OperationalError, String(error));
        assert.doesNotMatch(error.message, /guest:guest/);
        return true;
      });
      assert.equal(worker.state, "stopped");
      await server.restart();
    });

    it("leaves a process that ends by itself then", async () => {
      const child = await startNodeWorker({ ...stage.options, brokerConnectionMaxRetries: 1 }, { concurrency: 1 });
      await server.kill();
      const { code } = await child.ended;
      assert.equal(code, 3, child.output);
      assert.match(child.output, /run rejected: OperationalError/);
      await server.restart();
    });
  });
