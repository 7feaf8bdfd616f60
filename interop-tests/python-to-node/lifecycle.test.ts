import assert from "node:assert/strict";
import { Worker } from "../../src/worker/index.js";
import { queue as queueNamed } from "../../src/protocol/queue.js";
import { until } from "../expect.js";
import { openBrokerAt } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import type { Child } from "../servers/children.js";
import { needShared, sharedServer } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { startNodeWorker } from "./worker.js";

/** When messages are taken, acknowledged and given back, and how a worker ends: as Python's does. */
for (const combination of deepCombinations)
  describe(`Python calls Node, life of a worker: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let python: PythonClient;
    let workers: Worker[] = [];
    let children: Child[] = [];

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      python = await PythonClient.start(stage.target);
    });
    afterEach(async () => {
      await Promise.all(workers.map((worker) => worker.shutdown({ how: "cold" })));
      await Promise.all(children.map((child) => child.kill()));
      workers = [];
      children = [];
    });
    after(async () => {
      await python?.close();
      await stage?.close();
    });

    /** A worker on a queue of its own, whose tasks wait until they are let go. */
    async function gated(options: { concurrency: number; prefetchMultiplier: number; acksLate?: boolean }): Promise<{
      queue: string;
      worker: Worker;
      started: number[];
      finished: number[];
      readonly most: () => number;
      readonly open: () => void;
    }> {
      const queue = stage.extraQueue("gated");
      const app = stage.app();
      const started: number[] = [];
      const finished: number[] = [];
      let running = 0;
      let most = 0;
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      app.task("gated.run", { acksLate: options.acksLate ?? false }, async (n: number) => {
        started.push(n);
        most = Math.max(most, ++running);
        await gate;
        running--;
        finished.push(n);
        return n;
      });
      const { concurrency, prefetchMultiplier } = options;
      const worker = await new Worker(app, { queues: [queue], concurrency, prefetchMultiplier }).start();
      workers.push(worker);
      return { queue, worker, started, finished, most: () => most, open };
    }

    const sendMany = async (queue: string, count: number): Promise<string[]> => {
      const ids: string[] = [];
      for (let n = 0; n < count; n++) ids.push(await python.send("gated.run", [n], {}, { queue }));
      return ids;
    };

    it("runs as many at once as it may, and reserves no more than it should (defect of others: all are taken into memory)", async () => {
      const { queue, started, most, open } = await gated({ concurrency: 2, prefetchMultiplier: 2, acksLate: true });
      const ids = await sendMany(queue, 12);
      await until(() => started.length === 2);
      // Two run and two more are reserved; all others wait for whoever comes.
      await until(async () => (await python.size(queue)) === 8);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await python.size(queue), 8);
      open();
      for (const [n, id] of ids.entries()) assert.deepEqual(await python.get(id), { value: n });
      assert.equal(most(), 2);
    });

    it("ends warmly: running tasks finish, reserved ones go back", async () => {
      const { queue, worker, started, finished, open } = await gated({ concurrency: 1, prefetchMultiplier: 4 });
      const ids = await sendMany(queue, 6);
      await until(() => started.length === 1);
      const stopping = worker.shutdown();
      assert.equal(worker.state, "stopping");
      open();
      await stopping;
      assert.equal(worker.state, "stopped");
      assert.deepEqual(finished, [0]);
      assert.deepEqual(await python.get(ids[0] ?? ""), { value: 0 });
      assert.equal(await python.size(queue), 5);
      // Whoever comes next runs the others, each once and in order.
      const app = stage.app();
      const ran: number[] = [];
      app.task("gated.run", (n: number) => {
        ran.push(n);
        return n;
      });
      workers.push(await new Worker(app, { queues: [queue], concurrency: 1 }).start());
      for (const [n, id] of ids.entries()) assert.deepEqual(await python.get(id), { value: n });
      assert.deepEqual(ran, [1, 2, 3, 4, 5]);
    });

    it("ends at once when forced: tasks that acknowledge late go back, others are gone", async () => {
      for (const acksLate of [true, false]) {
        const { queue, worker, started, open } = await gated({ concurrency: 1, prefetchMultiplier: 1, acksLate });
        await sendMany(queue, 1);
        await until(() => started.length === 1);
        assert.equal(await python.size(queue), 0);
        await worker.shutdown({ how: "cold" });
        await until(async () => (await python.size(queue)) === (acksLate ? 1 : 0));
        open();
      }
    });

    it("acknowledges early by default: a message whose task runs is gone, late: it is kept until the end", async () => {
      for (const acksLate of [true, false]) {
        const { queue, started, open } = await gated({ concurrency: 1, prefetchMultiplier: 1, acksLate });
        const [id = ""] = await sendMany(queue, 1);
        await until(() => started.length === 1);
        await until(async () => (await unacknowledged(queue)) === (acksLate ? 1 : 0));
        open();
        assert.deepEqual(await python.get(id), { value: 0 });
        await until(async () => (await unacknowledged(queue)) === 0);
      }
    });

    /** Messages taken and not acknowledged, as the server itself knows them. */
    async function unacknowledged(queue: string): Promise<number> {
      if (combination.broker.name === "redis")
        return Number(await python.run("return app.connection_for_read().default_channel.client.hlen('unacked')"));
      const server = await sharedServer("rabbitmq");
      const output = (await server.ctl?.("-q", "list_queues", "name", "messages_unacknowledged")) ?? "";
      const line = output.split("\n").find((one) => one.startsWith(`${queue}\t`));
      return Number(line?.split("\t")[1]);
    }

    it("loses nothing when it is killed (defect of others: a crash loses what was taken)", async () => {
      const queue = stage.extraQueue("killed");
      // On Redis it takes a moment until somebody else may have what the dead one held.
      const options = {
        ...stage.options,
        taskAcksLate: true,
        ...(combination.broker.name === "redis" && {
          brokerTransportOptions: {
            ...stage.options.brokerTransportOptions,
            ...{ visibility_timeout: 2, unacked_restore_interval: 1, unacked_restore_throttle: 1 },
          },
        }),
      };
      const child = await startNodeWorker(options, { queues: [queue], concurrency: 1, prefetchMultiplier: 2 });
      children.push(child);
      const slow = await python.send("node.sleep", [30, "slow"], {}, { queue });
      const next = await python.send("node.add", [1, 2], {}, { queue });
      await child.until(/ received[\s\S]* received/, 20);
      await until(async () => (await python.size(queue)) === 0);
      await child.kill();

      // The tasks of this one end at once, whatever they are asked.
      const app = stage.app({ brokerTransportOptions: options.brokerTransportOptions ?? {} });
      const ran: string[] = [];
      app.task("node.sleep", (_seconds: number, value: string) => {
        ran.push(value);
        return value;
      });
      app.task("node.add", (x: number, y: number) => x + y);
      workers.push(await new Worker(app, { queues: [queue], concurrency: 1 }).start());
      assert.deepEqual(await python.get(slow, 40), { value: "slow" });
      assert.deepEqual(await python.get(next, 40), { value: 3 });
      assert.deepEqual(ran, ["slow"]);
    });

    it("ends by itself on SIGTERM, when what runs is done", async () => {
      const queue = stage.extraQueue("signalled");
      const child = await startNodeWorker(stage.options, { queues: [queue], concurrency: 1 });
      children.push(child);
      const id = await python.send("node.sleep", [0.7, "done"], {}, { queue });
      await child.until(/ received/, 20);
      child.signal("SIGTERM");
      const { code } = await child.ended;
      assert.equal(code, 0, child.output);
      assert.match(child.output, /run resolved/);
      assert.deepEqual(await python.get(id), { value: "done" });
    });

    it("carries on a chain that goes through both languages", async () => {
      const app = stage.app();
      const queue = stage.extraQueue("chain");
      app.task("node.double", (x: number) => 2 * x);
      workers.push(await new Worker(app, { queues: [queue], concurrency: 2 }).start());
      const outcome = await python.run(
        `
double = lambda *args: app.signature("node.double", args=args, queue=values["queue"])
return outcome(chain(double(3), double(), double()).apply_async(), 20)
`,
        { queue },
      );
      assert.deepEqual(outcome, { value: 24 });
    });

    it("uses a queue that exists with other arguments as it is", async () => {
      if (combination.broker.name !== "amqp") return;
      const name = stage.extraQueue("existing");
      const place = await combination.broker.prepare();
      const broker = await openBrokerAt(place);
      await broker.declare(queueNamed(name, { arguments: { "x-max-priority": 5 } }));
      await broker.close();
      const app = stage.app();
      app.task("node.add", (x: number, y: number) => x + y);
      workers.push(await new Worker(app, { queues: [name] }).start());
      assert.equal(await app.sendTask("node.add", [2, 3], { queue: name }).get({ timeout: 10 }), 5);
    });
  });
