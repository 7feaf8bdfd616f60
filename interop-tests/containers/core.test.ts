import assert from "node:assert/strict";
import { inspect } from "node:util";
import { OperationalError } from "../../src/index.js";
import type { Celery } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { failure, recordingLogger, until } from "../expect.js";
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
        for (const { level, message, fields } of lines.slice(-40))
          console.log(`    node   ${level} ${message} ${inspect(fields, { depth: 0 })}`);
        console.log((await world.workerLog()).replace(/^/gm, "    python "));
      }
      lines.splice(0);
    });

    /** Python's own client does not always outlive its servers, so what is asked after a restart is asked anew. */
    async function freshPython(): Promise<PythonClient> {
      await python.close();
      return (python = await world.python());
    }

    async function bothDirections(): Promise<void> {
      assert.equal(await app.sendTask("interop.add", [2, 3]).get(wait), 5);
      assert.deepEqual(await (await freshPython()).call("node.add", [2, 3]), { value: 5 });
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
        assert.match(error.traceback ?? "", /^Traceback[\s\S]*tasks\.ts[\s\S]*no such luck/);
        const custom = raised(await python.call("node.fail_custom"));
        assert.equal(custom.type, "PaymentError");
      });

      it("watches its progress", async () => {
        // Over rpc:// Python's client cannot look at a state any more once it has waited for a result: a fresh one can.
        const client = await freshPython();
        const seen = await client.watch(await client.send("node.progress", [3]), ["SUCCESS", "FAILURE"]);
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
        await bothDirections();
      });

      it("keeps what waits in a queue", async () => {
        const queue = `parked-${nodeQueue}`;
        const sent = await app.sendTask("node.add", [40, 2], { queue });
        await world.broker.restart();
        const late = await new Worker(app, { queues: [queue], concurrency: 1 }).start();
        try {
          await until(() =>
            lines.some(({ message, fields }) => /succeeded/.test(message) && fields.taskId === sent.id),
          );
          // An answer over rpc:// goes to a queue that the restart ended, unless the caller was quick to make it again.
          if (setting.backend !== "rpc") assert.equal(await sent.get(wait), 42);
        } finally {
          await late.shutdown();
        }
      });

      // Over rpc:// nobody promises that.
      if (setting.backend !== "rpc")
        it("delivers the result of a task that was running", async () => {
          const there = await app.sendTask("interop.sleep", [3, "slept in Python"]);
          await until(async () => (await world.workerLog()).includes(there.id));
          const here = await python.send("node.sleep", [3, "slept in Node"]);
          await until(() => lines.some(({ fields }) => fields.taskId === here));
          await world.broker.restart();
          assert.equal(await there.get(wait), "slept in Python");
          assert.deepEqual(await (await freshPython()).get(here), { value: "slept in Node" });
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
        await bothDirections();
      });
    });
  });

function raised(outcome: Outcome): NonNullable<Outcome["raised"]> {
  assert.ok(outcome.raised, `returned ${JSON.stringify(outcome.value)}`);
  return outcome.raised;
}
