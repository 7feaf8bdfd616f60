import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  DateTime,
  Decimal,
  Float,
  NotRegistered,
  PlainDate,
  PlainTime,
  TaskError,
  TaskRevokedError,
  Uuid,
} from "../../src/index.js";
import type { Celery } from "../../src/index.js";
import { dumps } from "../../src/protocol/json.js";
import { failure, until } from "../expect.js";
import { newestCelery } from "../python/venvs.mjs";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { needShared } from "../servers/shared.js";
import { combinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";

/** What every user does, over every broker, result backend and Celery version: Node calls Python tasks. */
for (const combination of combinations)
  describe(`Node calls Python: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: PythonWorker;
    let app: Celery;
    let folder: string;
    const wait = { timeout: 20 };
    /** Kombu 5.2 knows no typed JSON: values travel through it as they are, but its tasks do not see their types. */
    const typed = !combination.version.startsWith("5.2.");
    const pickles = combination.backend.pickles === true && combination.version !== newestCelery;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      folder = temporaryFolder("basics");
      stage = await openStage(combination);
      worker = await startPythonWorker({ ...stage.target, queues: [stage.queue] });
      app = stage.app();
    });
    after(async () => {
      await worker?.stop();
      await stage?.close();
      if (folder) removeFolder(folder);
    });
    beforeEach(() => assert.ok(worker.running, "the Python worker has ended"));
    afterEach(function () {
      if (this.currentTest?.state === "failed") console.log(`--- Python worker\n${worker.log.slice(-2000)}\n---`);
    });

    it("awaits a value", async () => {
      const add = app.task<(x: number, y: number) => number>("interop.add");
      assert.equal(await add.delay(2, 3).get(wait), 5);
      const sent = await add.delay(20, 22);
      assert.equal(await sent.get(wait), 42);
      assert.equal(await sent.state(), "SUCCESS");
    });

    it("passes keywords", async () => {
      const sent = app.sendTask("interop.keywords", [], { kwargs: { first: 1 } });
      assert.deepEqual(await sent.get(wait), { first: 1, second: "default" });
      const both = app.sendTask("interop.arguments", [1, "zwei"], { kwargs: { drei: [3] } });
      assert.deepEqual(await both.get(wait), [[1, "zwei"], { drei: [3] }]);
    });

    it("carries every JSON value there and back", async () => {
      const values = [
        ...[null, true, false, 0, -1, 1.5, -0.25, 1e300, 2 ** 31, 2 ** 53 - 1, "", "text"],
        ...["Grüße, 世界, 🎉, \u0000\u001f\u2028\ud83d\ude00", [], {}, [[[]]], { a: { b: [1, { c: null }] } }],
        ...[{ "": 1, "key with spaces": 2, ключ: 3 }],
      ];
      assert.deepEqual(await app.sendTask("interop.echo", [values]).get(wait), values);
    });

    it("keeps integers beyond 2^53, and tells floats from integers", async () => {
      const big = 2n ** 80n + 1n;
      assert.equal(await app.sendTask("interop.echo", [big]).get(wait), big);
      const seen = async (value: unknown): Promise<unknown> => app.sendTask("interop.describe", [value]).get(wait);
      assert.deepEqual(await seen(big), ["int", String(big)]);
      assert.deepEqual(await seen(1), ["int", "1"]);
      assert.deepEqual(await seen(new Float(1)), ["float", "1.0"]);
      assert.deepEqual(await seen(1.5), ["float", "1.5"]);
      assert.deepEqual(await seen(NaN), ["float", "nan"]);
      assert.deepEqual(await seen(-Infinity), ["float", "-inf"]);
    });

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
      const echo = await app.sendTask("interop.echo", [values]).get(wait);
      // A Python that does not know the types pickles what it saw: the notation itself.
      assert.deepEqual(echo, typed || !pickles ? values : JSON.parse(dumps(values)));
      if (!typed) return;
      const seen = async (value: unknown): Promise<unknown> => app.sendTask("interop.describe", [value]).get(wait);
      assert.deepEqual(await seen(values.decimal), ["Decimal", "Decimal('1.10')"]);
      assert.deepEqual(await seen(values.bytes), ["bytes", "b'\\xff\\x00\\x01'"]);
      assert.deepEqual(await seen(values.date), ["date", "datetime.date(2026, 1, 2)"]);
      assert.deepEqual(await app.sendTask("interop.typed").get(wait), {
        ...values,
        datetime: new DateTime("2026-01-02T03:04:05.678900+00:00"),
        naive: new DateTime("2026-01-02T03:04:05"),
      });
    });

    it("rejects with the type, message, arguments and traceback of what Python raised", async () => {
      const error = await failure(app.sendTask("interop.fail", ["it broke"]).get(wait));
      assert.equal(error.type, "ValueError");
      assert.equal(error.module, "builtins");
      assert.equal(error.message, "it broke");
      assert.deepEqual(error.args, ["it broke"]);
      assert.match(error.traceback ?? "", /^Traceback[\s\S]*in fail\n[\s\S]*ValueError: it broke/);

      const custom = await failure(app.sendTask("interop.fail_custom", [402, "no funds"]).get(wait));
      assert.equal(custom.type, "PaymentError");
      assert.equal(custom.module, "tasks");
      assert.deepEqual(custom.args, [402, "no funds"]);

      const key = await failure(app.sendTask("interop.fail_key").get(wait));
      assert.equal(key.type, "KeyError");
      assert.equal(key.message, "'missing'");

      const unpicklable = await failure(app.sendTask("interop.fail_unpicklable").get(wait));
      assert.match(unpicklable.type, /Unpicklable/);

      const nested = await failure(app.sendTask("interop.fail_nested").get(wait));
      assert.equal(nested.message, "outer");
      assert.match(nested.traceback ?? "", /direct cause/);
    });

    it("leaves failures to look at when they are not to be thrown", async () => {
      const value = await app.sendTask("interop.fail", ["kept"]).get({ ...wait, propagate: false });
      assert.ok(value instanceof TaskError);
      assert.equal(value.message, "kept");
    });

    it("never takes PROGRESS for the result, and shows it to whoever watches", async () => {
      const sent = await app.sendTask("interop.progress", [3, 0.15]);
      const seen: [string, unknown][] = [];
      const watching = (async () => {
        for await (const { state, result } of sent.updates()) seen.push([state, result]);
      })();
      assert.deepEqual(await sent.get(wait), { steps: 3 });
      await watching;
      assert.deepEqual(seen.at(-1), ["SUCCESS", { steps: 3 }]);
      const progress = seen.filter(([state]) => state === "PROGRESS").map(([, result]) => result);
      assert.ok(progress.length > 0, `no progress among ${JSON.stringify(seen)}`);
      for (const [index, meta] of progress.entries()) if (index > 0) assert.notDeepEqual(meta, progress[index - 1]);
      assert.deepEqual(progress.at(-1), { current: 3, total: 3 });
    });

    it("waits for retries", async () => {
      assert.equal(await app.sendTask("interop.flaky", [2]).get(wait), 2);
      const error = await failure(app.sendTask("interop.hopeless").get(wait));
      assert.equal(error.type, "ValueError");
      assert.equal(error.message, "hopeless");
    });

    it("delays by countdown and eta", async () => {
      const start = Date.now() / 1000;
      const run = async (options: object): Promise<{ now: number; eta: string }> =>
        (await app.sendTask("interop.request", [], options).get(wait)) as { now: number; eta: string };
      const [counted, dated] = await Promise.all([run({ countdown: 1 }), run({ eta: new Date(Date.now() + 1500) })]);
      assert.ok(counted.now - start >= 1, `ran after ${counted.now - start} s`);
      assert.ok(dated.now - start >= 1.5, `ran after ${dated.now - start} s`);
      assert.match(String(counted.eta), /^\d{4}-\d\d-\d\dT.*(\+00:00|Z)$/);
    });

    it("does not run what has expired", async () => {
      const sent = await app.sendTask("interop.note", ["expired", join(folder, "expired")], { expires: new Date(0) });
      // RabbitMQ drops the message itself; elsewhere the worker says so.
      if (combination.broker.name !== "amqp") {
        const error = await failure(sent.get(wait));
        assert.ok(error instanceof TaskRevokedError);
        assert.deepEqual(error.args, ["expired"]);
      }
      assert.equal(await app.sendTask("interop.add", [1, 1], { expires: 30 }).get(wait), 2);
      assert.throws(() => readFileSync(join(folder, "expired")));
    });

    it("sends what wants no answer", async () => {
      const path = join(folder, "silent");
      const sent = await app.sendTask("interop.silent", [path, "done"], { ignoreResult: true });
      assert.equal(await sent.get(wait), null);
      // A worker with one place runs in order: when this has run, so has the other.
      await app.sendTask("interop.add", [1, 1]).get(wait);
      assert.equal(readFileSync(path, "utf8"), "done\n");
    });

    it("links callbacks and errbacks", async () => {
      const path = join(folder, "linked");
      const note = app.signature("interop.note", [path]);
      const errback = app.signature("interop.note_id", [], { kwargs: { path } });
      await app.sendTask("interop.add", [2, 3], { link: note }).get(wait);
      const failed = await app.sendTask("interop.fail", [], { linkError: errback });
      await failure(failed.get(wait));
      await until(() => readFileSync(path, "utf8").trim().split("\n").length === 2);
      assert.deepEqual(
        readFileSync(path, "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
        [5, failed.id],
      );
    });

    it("finds the tasks that a task has sent", async () => {
      const sent = await app.sendTask("interop.spawn", [2, 3]);
      const id = await sent.get(wait);
      if (pickles) return assert.deepEqual(await sent.children(), []);
      const [child, ...others] = await sent.children();
      assert.equal(child?.id, id);
      assert.equal(others.length, 0);
    });

    it("hears of a task that nobody knows", async () => {
      const error = await failure(app.sendTask("interop.nobody").get(wait));
      assert.ok(error instanceof NotRegistered);
      assert.deepEqual(error.args, ["interop.nobody"]);
      assert.equal(await app.sendTask("interop.add", [1, 1]).get(wait), 2);
    });

    it("shows Python the request it expects", async () => {
      // Celery's file backend makes file names of ids, so there a slash is refused.
      const taskId = `not a uuid${combination.backend.name === "file" ? "" : "/"}${stage.queue}`;
      const sent = app.sendTask("interop.request", ["a", 1], {
        ...{ taskId, timeLimit: 300, softTimeLimit: 240 },
        headers: { "x-number": 300, "x-negative": -1, "x-big": 2 ** 40, "x-text": "ü", "x-null": null },
      });
      const request = (await sent.get(wait)) as Record<string, unknown>;
      assert.equal(request.id, taskId);
      assert.equal(request.root_id, request.id);
      assert.equal(request.parent_id, null);
      assert.equal(request.correlation_id, request.id);
      assert.deepEqual(request.timelimit, [300, 240]);
      assert.equal(request.argsrepr, "('a', 1)");
      assert.equal(request.kwargsrepr, "{}");
      assert.equal(request.retries, 0);
      assert.match(String(request.origin), /^gen\d+@/);
      const headers = request.headers as Record<string, unknown>;
      assert.deepEqual(
        [headers["x-number"], headers["x-negative"], headers["x-big"], headers["x-text"], headers["x-null"]],
        [300, -1, 2 ** 40, "ü", null],
      );
      assert.equal((request.delivery_info as Record<string, unknown>).redelivered ?? false, false);
    });

    it("calls a hundred at once", async () => {
      const add = app.task<(x: number, y: number) => number>("interop.add");
      const sums = await Promise.all(Array.from({ length: 100 }, (_, n) => add.delay(n, n).get({ timeout: 40 })));
      assert.deepEqual(
        sums,
        Array.from({ length: 100 }, (_, n) => 2 * n),
      );
    });
  });
