import assert from "node:assert/strict";
import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { recordingLogger } from "../expect.js";
import { PythonClient } from "../python/client.js";
import type { Outcome } from "../python/client.js";
import { needShared } from "../servers/shared.js";
import { combinations, deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { defineTasks } from "./tasks.js";
import { threadModule } from "./thread-app.js";

const runs = [
  ...combinations.map((combination) => ({ combination, pool: "async" as const, name: combination.name })),
  ...deepCombinations.map((one) => ({ combination: one, pool: "threads" as const, name: `${one.name}, threads` })),
];

/** What every user does, over every broker, result backend and Celery version: Python calls Node tasks. */
for (const { combination, pool, name } of runs)
  describe(`Python calls Node: ${name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;
    const { lines, logger } = recordingLogger();
    /** Kombu 5.2 knows no typed JSON: it writes these types as text, or refuses, and gets them as plain objects. */
    const typed = !combination.version.startsWith("5.2.");

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      const app = stage.app({ logger });
      defineTasks(app);
      const threads = { pool, concurrency: 2, module: threadModule(stage.options) };
      worker = await new Worker(app, pool === "threads" ? threads : { concurrency: 10 }).start();
      python = await PythonClient.start(stage.target);
    });
    after(async () => {
      await python?.close();
      await worker?.shutdown();
      await stage?.close();
    });
    beforeEach(() => lines.splice(0));
    afterEach(function () {
      if (this.currentTest?.state === "failed") for (const line of lines) console.log("   ", line);
    });

    it("gets a value", async () => {
      assert.deepEqual(await python.call("node.add", [2, 3]), { value: 5 });
      assert.deepEqual(await python.call("node.nothing"), { value: null });
    });

    it("passes keywords by the names of the parameters", async () => {
      assert.deepEqual(await python.call("node.add", [], { y: 1, x: 41 }), { value: 42 });
      assert.deepEqual(await python.call("node.keywords", [1]), { value: { first: 1, second: "default" } });
      assert.deepEqual(await python.call("node.keywords", [1], { second: 2 }), { value: { first: 1, second: 2 } });
    });

    it("gets a TypeError, not a wrong call, for keywords that fit no parameter", async () => {
      assert.equal(raised(await python.call("node.add", [1], { z: 2 })).type, "TypeError");
      assert.equal(raised(await python.call("node.add", [1], { x: 2 })).type, "TypeError");
      assert.equal(raised(await python.call("node.echo", [], { value: 2 })).type, "TypeError");
    });

    it("carries every JSON value there and back", async () => {
      const values = [
        ...[null, true, false, 0, -1, 1.5, -0.25, 2 ** 31, 2 ** 53 - 1, "", "text"],
        ...["Grüße, 世界, 🎉, \u0000\u001f\u2028\ud83d\ude00", [], {}, [[[]]], { a: { b: [1, { c: null }] } }],
        ...[{ "": 1, "key with spaces": 2, ключ: 3 }],
      ];
      assert.deepEqual(await python.call("node.echo", [values]), { value: values });
      // A float to Python, as its text says.
      assert.deepEqual(await python.call("node.echo", [1e300]), { value: new Float(1e300) });
    });

    it("keeps integers beyond 2^53", async () => {
      const big = 2n ** 80n + 1n;
      assert.deepEqual(await python.call("node.echo", [big]), { value: big });
      assert.deepEqual(await python.call("node.kinds", [big]), { value: ["bigint", "BigInt"] });
      const { value } = await python.call("node.echo", [[NaN, Infinity, new Float(1)]]);
      assert.deepEqual(value, [NaN, Infinity, 1]);
    });

    if (typed)
      it("carries dates, decimals, UUIDs and bytes there and back", async () => {
        const values = {
          datetime: new DateTime("2026-01-02T03:04:05.678901+02:00"),
          date: new PlainDate("2026-01-02"),
          time: new PlainTime("03:04:05"),
          decimal: new Decimal("1.10"),
          uuid: new Uuid("12345678-1234-5678-1234-567812345678"),
          bytes: new Uint8Array([255, 0, 1]),
          text: new Uint8Array(Buffer.from("text")),
        };
        assert.deepEqual(await python.call("node.echo", [values]), { value: values });
      });

    it("raises a real exception with type, message and stack", async () => {
      const error = raised(await python.call("node.fail", ["it broke"]));
      assert.ok(error.bases.includes("Exception"));
      // JavaScript's plain Error is what Python calls Exception.
      assert.deepEqual([error.type, error.module], ["Exception", "builtins"]);
      assert.match(error.message, /^it broke/);
      assert.equal(error.state, "FAILURE");
      assert.match(error.traceback ?? "", /^Traceback[\s\S]*tasks\.(ts|js)[\s\S]*Error: it broke/);

      const builtin = raised(await python.call("node.fail_type"));
      assert.deepEqual([builtin.type, builtin.module], ["TypeError", "builtins"]);
      assert.match(builtin.message, /not that type/);

      const custom = raised(await python.call("node.fail_custom"));
      assert.equal(custom.type, "PaymentError");
      assert.match(custom.message, /no funds/);

      const caused = raised(await python.call("node.fail_cause"));
      assert.match(caused.traceback ?? "", /outer[\s\S]*inner|inner[\s\S]*outer/);

      const odd = raised(await python.call("node.fail_odd"));
      assert.match(odd.message, /only a text/);

      const unwritable = raised(await python.call("node.unwritable"));
      assert.match(unwritable.type, /EncodeError/);
    });

    it("sees STARTED and PROGRESS, and waits on", async () => {
      const tracked = await python.send("node.tracked");
      // rpc answers go to the queue of the sender: watching and getting are one.
      assert.deepEqual(await python.get(tracked), { value: "done" });
      // Python's SQL backend makes a new engine and connection for each look: on a busy machine it needs its time.
      const id = await python.send("node.progress", [3, combination.backend.pickles ? 0.6 : 0.15]);
      const seen = await python.watch(id, ["SUCCESS", "FAILURE"]);
      assert.deepEqual(seen.at(-1), ["SUCCESS", { steps: 3 }]);
      const progress = seen.filter(([state]) => state === "PROGRESS").map(([, meta]) => meta);
      assert.deepEqual(progress.at(-1), { current: 3, total: 3 });
      const started = await python.watch(await python.send("node.tracked"), ["SUCCESS", "FAILURE"]);
      const info = started.find(([state]) => state === "STARTED")?.[1] as Record<string, unknown> | undefined;
      assert.deepEqual(Object.keys(info ?? {}).sort(), ["hostname", "pid"]);
    });

    it("waits for retries", async () => {
      assert.deepEqual(await python.call("node.flaky", [2]), { value: 2 });
      assert.match(raised(await python.call("node.hopeless")).message, /hopeless/);
    });

    it("delays by countdown, and does not run what has expired", async () => {
      const start = Date.now();
      assert.deepEqual(await python.call("node.add", [1, 1], {}, { countdown: 1 }), { value: 2 });
      assert.ok(Date.now() - start >= 1000);
      if (combination.broker.name === "amqp") return;
      const expired = raised(await python.call("node.add", [1, 1], {}, { expires: new Date(0) }));
      assert.equal(expired.type, "TaskRevokedError");
      assert.equal(expired.state, "REVOKED");
    });

    it("shows the task the request that Python made", async () => {
      const options = { headers: { "x-number": 300, "x-big": 2 ** 40 }, shadow: "shown", priority: 3 };
      const { value } = await python.call("node.request", ["a"], { b: 1 }, options);
      const request = value as Record<string, unknown>;
      assert.deepEqual([request.args, request.kwargs], [["a"], { b: 1 }]);
      assert.equal(request.task, "node.request");
      assert.equal(request.shadow, "shown");
      const headers = request.headers as Record<string, unknown>;
      assert.deepEqual([headers["x-number"], headers["x-big"]], [300, 2 ** 40]);
      assert.equal((request.deliveryInfo as Record<string, unknown>).routingKey, stage.queue);
    });

    it("raises NotRegistered for an unknown task, and the worker goes on", async () => {
      const error = raised(await python.call("node.nobody"));
      assert.deepEqual([error.type, error.module], ["NotRegistered", "celery.exceptions"]);
      assert.deepEqual(error.args, ["node.nobody"]);
      assert.deepEqual(await python.call("node.add", [2, 2]), { value: 4 });
      assert.ok(lines.some(({ level }) => level === "error"));
    });

    it("calls a hundred at once", async () => {
      const outcomes = await python.callMany(
        "node.add",
        Array.from({ length: 100 }, (_, n) => [n, n]),
      );
      assert.deepEqual(
        outcomes,
        Array.from({ length: 100 }, (_, n) => ({ value: 2 * n })),
      );
    });
  });

function raised(outcome: Outcome): NonNullable<Outcome["raised"]> {
  assert.ok(outcome.raised, `returned ${JSON.stringify(outcome.value)}`);
  return outcome.raised;
}
