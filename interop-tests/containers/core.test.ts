import assert from "node:assert/strict";
import { OperationalError } from "../../src/index.js";
import type { Celery } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { failure, recordingLogger } from "../expect.js";
import type { Outcome, PythonClient } from "../python/client.js";
import { defineTasks } from "../python-to-node/tasks.js";
import { nodeQueue, openWorld, settings } from "./world.js";
import type { World } from "./world.js";

const wait = { timeout: 30 };
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Both directions with every server and Python itself in containers, and the broker restarted under way. */
for (const setting of settings)
  describe(`containers: ${setting.name}`, function () {
    this.timeout(90_000);
    let world: World;
    let app: Celery;
    let worker: Worker;
    let python: PythonClient;
    const { lines, logger } = recordingLogger();

    before("start the containers", async function () {
      this.timeout(180_000);
      world = await openWorld(setting);
      app = world.app({ logger });
      defineTasks(app);
      worker = await new Worker(app, { queues: [nodeQueue], concurrency: 10 }).start();
      python = await world.python();
    });
    after("stop the containers", async () => {
      await worker?.shutdown();
      await world?.close();
    });
    afterEach("show what both sides logged", async function () {
      if (this.currentTest?.state === "failed") {
        for (const line of lines) console.log("    node  ", line.level, line.message, line.fields);
        console.log((await world.workerLog()).replace(/^/gm, "    python "));
      }
      lines.splice(0);
    });

    async function bothDirections(client: PythonClient): Promise<void> {
      assert.equal(await app.sendTask("interop.add", [2, 3]).get(wait), 5);
      assert.deepEqual(await client.call("node.add", [2, 3]), { value: 5 });
    }

    describe("Node calls Python", () => {
      it("gets a value", async () => {
        const add = app.task<(x: number, y: number) => number>("interop.add");
        assert.equal(await add.delay(2, 3).get(wait), 5);
        const kwargs = { first: "Grüße, 世界, 🎉" };
        const expected = { first: "Grüße, 世界, 🎉", second: "default" };
        assert.deepEqual(await app.sendTask("interop.keywords", [], { kwargs }).get(wait), expected);
        assert.equal(await app.sendTask("interop.echo", [2n ** 80n + 1n]).get(wait), 2n ** 80n + 1n);
      });

      it("gets a failure with its type, arguments and traceback", async () => {
        const error = await failure(app.sendTask("interop.fail", ["no such luck"]).get(wait));
        assert.equal(error.type, "ValueError");
        assert.deepEqual(error.args, ["no such luck"]);
        assert.match(error.traceback ?? "", /^Traceback[\s\S]*tasks\.py[\s\S]*ValueError: no such luck/);
        const custom = await failure(app.sendTask("interop.fail_custom").get(wait));
        assert.deepEqual([custom.type, custom.args], ["PaymentError", [402, "no funds"]]);
      });

      it("watches its progress", async () => {
        const seen: unknown[] = [];
        const sent = await app.sendTask("interop.progress", [3, 0.3]);
        for await (const { state, result } of sent.updates()) seen.push([state, result]);
        assert.deepEqual(seen.at(-1), ["SUCCESS", { steps: 3 }]);
        const progress = seen.filter((one) => (one as [string])[0] === "PROGRESS");
        assert.deepEqual(progress.at(-1), ["PROGRESS", { current: 3, total: 3 }]);
        assert.ok(progress.length >= 2, JSON.stringify(seen));
      });

      it("calls a hundred at once", async () => {
        const add = app.task<(x: number, y: number) => number>("interop.add");
        const sums = await Promise.all(upTo(100).map((n) => add.delay(n, n).get(wait)));
        assert.deepEqual(
          sums,
          upTo(100).map((n) => 2 * n),
        );
      });
    });

    describe("Python calls Node", () => {
      it("gets a value", async () => {
        assert.deepEqual(await python.call("node.add", [2, 3]), { value: 5 });
        assert.deepEqual(await python.call("node.add", [], { y: 1, x: 41 }), { value: 42 });
        const text = "Grüße, 世界, 🎉";
        assert.deepEqual(await python.call("node.echo", [[text, 2n ** 80n]]), { value: [text, 2n ** 80n] });
      });

      it("raises a real exception with type, message and stack", async () => {
        const error = raised(await python.call("node.fail", ["no such luck"]));
        assert.ok(error.bases.includes("Exception"));
        assert.match(error.message, /no such luck/);
        assert.equal(error.state, "FAILURE");
        assert.match(error.traceback ?? "", /no such luck[\s\S]*tasks\.(ts|js)/);
        const custom = raised(await python.call("node.fail_custom"));
        assert.equal(custom.type, "PaymentError");
      });

      it("watches its progress", async () => {
        const seen = await python.watch(await python.send("node.progress", [3]), ["SUCCESS", "FAILURE"]);
        assert.deepEqual(seen.at(-1), ["SUCCESS", { steps: 3 }]);
        assert.deepEqual(seen.filter(([state]) => state === "PROGRESS").at(-1)?.[1], { current: 3, total: 3 });
      });

      it("calls a hundred at once", async () => {
        const outcomes = await python.callMany(
          "node.add",
          upTo(100).map((n) => [n, n]),
        );
        assert.deepEqual(
          outcomes,
          upTo(100).map((n) => ({ value: 2 * n })),
        );
      });
    });

    describe("the broker is restarted", () => {
      it("works in both directions again", async () => {
        await world.broker.restart();
        await bothDirections(await world.python());
      });

      it("keeps what waits in a queue", async () => {
        const queue = `parked-${nodeQueue}`;
        const sent = await app.sendTask("node.add", [40, 2], { queue });
        await world.broker.restart();
        const late = await new Worker(app, { queues: [queue], concurrency: 1 }).start();
        try {
          assert.equal(await sent.get(wait), 42);
        } finally {
          await late.shutdown();
        }
      });

      it("delivers the result of a task that was running", async function () {
        // An answer over rpc:// goes to a queue that the restart ends: nobody promises it.
        if (setting.backend === "rpc") return;
        const there = await app.sendTask("interop.sleep", [3, "slept in Python"]);
        const client = await world.python();
        const here = await client.send("node.sleep", [3, "slept in Node"]);
        while ((await there.state()) === "PENDING" && !(await world.workerLog()).includes(there.id))
          await new Promise((resolve) => setTimeout(resolve, 50));
        await world.broker.restart();
        assert.equal(await there.get(wait), "slept in Python");
        assert.deepEqual(await (await resultReader(client)).get(here), { value: "slept in Node" });
      });
    });

    describe("the broker is killed and away for a while", () => {
      it("rejects a call that may not wait, and makes one that may", async () => {
        await world.broker.kill();
        const refused = await app
          .sendTask("interop.add", [1, 1], { retryPolicy: { maxRetries: 1, intervalStart: 0.1 } })
          .then(
            () => assert.fail("nobody could take this message"),
            (error: unknown) => error,
          );
        assert.ok(refused instanceof OperationalError, String(refused));
        assert.ok(refused.message.includes(new URL(world.broker.url).host), refused.message);
        assert.ok(!refused.message.includes("guest:guest"), refused.message);
        const patient = app.sendTask("interop.add", [20, 22], { retryPolicy: { maxRetries: null } });
        await world.broker.restart();
        assert.equal(await patient.get(wait), 42);
      });

      it("works in both directions afterwards", async () => {
        await bothDirections(await world.python());
      });
    });

    /** Python's client does not always outlive a restart of its servers; a new one reads the same results. */
    async function resultReader(client: PythonClient): Promise<PythonClient> {
      await client.close();
      return world.python();
    }
  });

function raised(outcome: Outcome): NonNullable<Outcome["raised"]> {
  assert.ok(outcome.raised, `returned ${JSON.stringify(outcome.value)}`);
  return outcome.raised;
}
