import assert from "node:assert/strict";
import type { Celery, TaskContext } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { deferred } from "../../src/util/deferred.js";
import type { Deferred } from "../../src/util/deferred.js";
import { recordingLogger, until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { Proxy } from "../results/proxy.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { type Counts, countsOf } from "./counts.js";

/** On Redis somebody else gets what a connection had only when its time is over. */
const quick = { visibility_timeout: 2, unacked_restore_interval: 1, unacked_restore_throttle: 1 };

for (const combination of deepCombinations)
  describe(`a connection lost while tasks run: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let python: PythonClient;
    let proxy: Proxy;
    let counts: Counts;
    let worker: Worker | undefined;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
    });
    beforeEach(async () => {
      stage = await openStage(combination);
      python = await PythonClient.start(stage.target);
      const { hostname, port } = new URL(stage.options.broker);
      proxy = await Proxy.start({ host: hostname, port: Number(port) });
      counts = countsOf(stage);
    });
    afterEach(async () => {
      await worker?.shutdown({ how: "cold" });
      worker = undefined;
      counts?.close();
      await python?.close();
      await stage?.close();
      await proxy?.close();
    });

    /** An application behind the proxy, whose `held` tasks end when they are told to. */
    async function start(settings: Partial<ConstructorParameters<typeof Celery>[0]> = {}): Promise<{
      runs: { name: string; gate: Deferred<void>; signal: AbortSignal }[];
      count: (name: string) => number;
      lost: () => boolean;
    }> {
      const url = new URL(stage.options.broker);
      url.port = String(proxy.port);
      const { lines, logger } = recordingLogger();
      const app = stage.app({
        broker: url.href,
        taskAcksLate: true,
        logger,
        ...(combination.broker.name === "redis" && { brokerTransportOptions: quick }),
        ...settings,
      });
      const runs: { name: string; gate: Deferred<void>; signal: AbortSignal }[] = [];
      const run = (self: TaskContext): Deferred<void> => {
        const gate = deferred();
        runs.push({ name: self.name, gate, signal: self.signal });
        return gate;
      };
      app.task("cut.held", { bind: true, params: [] }, async (self: TaskContext) => {
        const gate = run(self);
        self.signal.addEventListener("abort", () => gate.reject(self.signal.reason));
        await gate.promise;
        return runs.length;
      });
      app.task("cut.quick", { bind: true }, (self: TaskContext) => void run(self));
      app.task("cut.limited", { bind: true, rateLimit: "1/h" }, (self: TaskContext) => void run(self));
      worker = await new Worker(app, { queues: [stage.queue], concurrency: 1, prefetchMultiplier: 8 }).start();
      return {
        runs,
        count: (name) => runs.filter((one) => one.name === name).length,
        lost: () => lines.some(({ message }) => message.startsWith("connection to the broker lost")),
      };
    }

    async function cut(lost: () => boolean): Promise<void> {
      proxy.cut();
      await until(lost);
      proxy.mend();
    }

    it("runs on, acknowledges nothing of the new connection, and gets what it only held once more", async () => {
      const { runs, count, lost } = await start();
      await python.send("cut.limited");
      await until(() => count("cut.limited") === 1);
      await python.send("cut.held");
      await until(() => count("cut.held") === 1);
      await python.send("cut.limited");
      await python.send("cut.quick", [], {}, { countdown: 5 });
      await python.send("cut.quick");
      await until(async () => (await counts.waiting()) === 0);

      await cut(lost);
      // Its message comes again, and waits here for its turn behind the run of the old one.
      await until(async () => (await counts.waiting()) === 0 && (await counts.unacknowledged()) >= 4);
      assert.equal(count("cut.held"), 1);
      runs.find(({ name }) => name === "cut.held")?.gate.resolve();
      await until(() => count("cut.held") === 2);
      // The first run ended after its delivery was void: the second one's message is still there.
      assert.ok((await counts.unacknowledged()) >= 1);
      await until(async () => (await counts.unacknowledged()) >= 2);
      runs.at(-1)?.gate.resolve();
      runs
        .filter(({ name }) => name === "cut.held")
        .at(-1)
        ?.gate.resolve();
      await until(() => count("cut.quick") === 2);
      await until(async () => (await counts.unacknowledged()) === 1);
      assert.deepEqual([count("cut.held"), count("cut.quick"), count("cut.limited")], [2, 2, 1]);
      await worker?.shutdown();
      assert.equal(await counts.waiting(), 1, "the one that waits for its rate");
      // What comes later works as before.
      worker = undefined;
    });

    it("stops what acknowledges late when asked to, says so, and starts it again", async () => {
      const { runs, count, lost } = await start({ workerCancelLongRunningTasksOnConnectionLoss: true });
      const id = await python.send("cut.held");
      await until(() => count("cut.held") === 1);
      await cut(lost);
      assert.equal(runs[0]?.signal.aborted, true);
      await until(() => count("cut.held") === 2);
      assert.equal(await python.run("return kept[values['id']].state", { id }), "RETRY");
      runs[1]?.gate.resolve();
      assert.deepEqual(await python.get(id), { value: 2 });
      await until(async () => (await counts.unacknowledged()) === 0 && (await counts.waiting()) === 0);
      // Whatever is asked later is answered.
      await python.send("cut.quick");
      await until(() => count("cut.quick") === 1);
    });
  });
