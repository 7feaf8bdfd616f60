import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { BackendOptions } from "../../src/backends/backend.js";
import { CeleryError, DecodeError, EncodeError, OperationalError } from "../../src/errors.js";
import type { ResultNode } from "../../src/protocol/result.js";
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from "../../src/protocol/values.js";
import { drain, loaded, rejects, state, Watching } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import type { Place } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import type { CeleryVersion } from "../python/venvs.mjs";
import { needShared } from "../servers/shared.js";
import { connect, Opened, sqlDrivers } from "./sql.js";
import type { Sql } from "./sql.js";

/** What stands in the rows, and that both languages read each other's: pickles, and the serializer's form of 5.7. */
const versions: readonly CeleryVersion[] = ["5.2.7", "5.7.0"];
const task = (id: string, parent: ResultNode | null = null): ResultNode => ({ id, parent, children: null });
const failure = { exc_type: "KeyError", exc_message: ["boom", 3], exc_module: "builtins" };

/** Values as Python's repr() shows them, and as ours. */
const values: readonly (readonly [python: string, ours: unknown])[] = [
  ["None", null],
  ["True", true],
  ["3", 3],
  ["-1.5", -1.5],
  ["1180591620717411303424", 2n ** 70n],
  ["-9223372036854775809", -(2n ** 63n) - 1n],
  ["inf", Infinity],
  ["'naïve 🥕 \"\\''", "naïve \u{1F955} \"'"],
  ["b'\\xff\\x00\\x01'", new Uint8Array([255, 0, 1])],
  ["[1, [2, []], {}]", [1, [2, []], {}]],
  ["{'a': {'b': None}, '__proto__': 1}", JSON.parse('{"a": {"b": null}, "__proto__": 1}')],
  [
    "{1: 'one', 'two': 2}",
    new Map<unknown, unknown>([
      [1, "one"],
      ["two", 2],
    ]),
  ],
  ["{1, 2}", new Set([1, 2])],
  [
    "datetime.datetime(2026, 2, 3, 4, 5, 6, 123456, tzinfo=datetime.timezone.utc)",
    new DateTime("2026-02-03T04:05:06.123456+00:00"),
  ],
  ["datetime.datetime(2026, 2, 3, 4, 5, 6)", new DateTime("2026-02-03T04:05:06")],
  ["datetime.date(2026, 2, 3)", new PlainDate("2026-02-03")],
  ["datetime.time(4, 5, 6)", new PlainTime("04:05:06")],
  ["Decimal('1.10')", new Decimal("1.10")],
  ["UUID('12345678-1234-5678-1234-567812345678')", new Uuid("12345678-1234-5678-1234-567812345678")],
];

const IMPORTS = "import datetime\nfrom decimal import Decimal\nfrom uuid import UUID\ninf = float('inf')\n";

for (const driver of sqlDrivers) {
  for (const version of versions)
    describe(`SQL results in ${driver.name} shared with Celery ${version}`, function () {
      this.timeout(60_000);
      const opened = new Opened();
      let place: Place;
      let sql: Sql;
      let python: PythonClient;

      const startPython = (conf: Record<string, unknown> = {}): Promise<PythonClient> =>
        PythonClient.start({ version, broker: "memory://", backend: place.url, conf });

      before(async function () {
        if (driver.server) await needShared(this, driver.server);
        place = await driver.prepare();
        python = await startPython();
        // Whatever comes first makes the tables: here it is Python.
        await python.state(newId());
        sql = await connect(driver.name, place);
      });
      afterEach(() => opened.close());
      after(async () => {
        await python?.close();
        await sql?.close();
        await place?.close();
      });

      it("Python gets the values that we pickle, of their types", async () => {
        const backend = await opened.at(place, { transportOptions: { result_format: "pickle" } });
        for (const [repr, value] of values) {
          const id = newId();
          await backend.store(state(id, "SUCCESS", value));
          const seen = await python.run("return repr(AsyncResult(values['id'], app=app).get(timeout=5))", { id });
          assert.equal(seen, repr);
        }
      });

      it("we read the values that Python pickles", async () => {
        const backend = await opened.at(place);
        for (const [repr, value] of values) {
          const id = newId();
          const store =
            version === "5.7.0"
              ? // The rows that older ones left.
                "import pickle\nfrom celery.backends.database.models import Task\n" +
                "s = app.backend.ResultSession(); t = Task(values['id']); t.status = 'SUCCESS'\n" +
                `t.result = pickle.dumps(${repr}, protocol=5); s.add(t); s.commit(); s.close()`
              : `app.backend.store_result(values['id'], ${repr}, 'SUCCESS')`;
          await python.run(IMPORTS + store, { id });
          assert.deepEqual((await backend.load(id))?.result, value, repr);
        }
        const id = newId();
        if (version === "5.2.7") {
          await python.run("app.backend.store_result(values['id'], (1, (2, frozenset([3]))), 'SUCCESS')", { id });
          assert.deepEqual((await backend.load(id))?.result, [1, [2, new Set([3])]]);
        }
      });

      if (version === "5.7.0")
        it("the serializer's form is the same, byte by byte", async () => {
          const backend = await opened.at(place);
          for (const value of [null, 3, 'naïve \u{1F955} "', [1, 2.5, true, null], { a: [] }, 2n ** 80n]) {
            const [theirs, ours] = [newId(), newId()];
            await python.run("app.backend.store_result(values['id'], values['value'], 'SUCCESS')", {
              id: theirs,
              value,
            });
            const record = await backend.load(theirs);
            assert.deepEqual(record?.result, value);
            await backend.store({ ...record, taskId: ours });
            const rows = await sql.run(
              `select result, traceback, children, status from celery_taskmeta where task_id in ('${theirs}', '${ours}')`,
            );
            assert.equal(rows.length, 2);
            assert.deepEqual(rows[0], rows[1]);
          }
        });

      it("failures, states and tracebacks mean the same to both", async () => {
        const backend = await opened.at(place);
        const [ours, theirs, started, progress, old] = Array.from({ length: 5 }, newId) as [
          string,
          string,
          string,
          string,
          string,
        ];
        const traceback = `Traceback ${"ä".repeat(1000)}\nKeyError: 'boom'`;
        await backend.store(state(ours, "FAILURE", failure, { traceback }));
        const { raised } = await python.get(ours);
        assert.equal(raised?.type, "KeyError");
        assert.deepEqual(raised.args, ["boom", 3]);
        assert.equal(raised.traceback, traceback);
        await python.run(
          "app.backend.mark_as_failure(values['id'], KeyError('boom', 3), traceback='Traceback text', store_result=True)",
          { id: theirs },
        );
        const record = await backend.load(theirs);
        assert.deepEqual(record?.result, failure);
        assert.equal(record.traceback, "Traceback text");
        await python.run("app.backend.mark_as_started(values['id'], pid=3, hostname='celery@h')", { id: started });
        assert.deepEqual((await backend.load(started))?.result, { pid: 3, hostname: "celery@h" });
        await backend.store(state(progress, "PROGRESS", { pct: 5 }));
        assert.deepEqual((await python.state(progress)).info, { pct: 5 });
        // Readiness is the status alone: some Pythons give other states a date too.
        await python.run("app.backend.store_result(values['id'], None, 'STARTED')", { id: old });
        await python.run("app.backend.store_result(values['id'], ValueError('v'), 'RETRY', traceback='t')", {
          id: old,
        });
        const watching = new Watching(backend.watch([old]));
        await watching.has("RETRY");
        await backend.store(state(old, "SUCCESS", 1));
        await watching.done();
      });

      it("extended results hold the same fields", async () => {
        const extended = { name: "proj.ädd", args: [1, "ü"], kwargs: { a: 1 }, worker: "w@h", retries: 2, queue: "q" };
        const other = await startPython({ result_extended: true });
        try {
          const backend = await opened.at(place);
          const ours = newId();
          await backend.store(state(ours, "SUCCESS", 3, { extended }));
          const seen = await other.run(
            "r = AsyncResult(values['id'], app=app)\nreturn [r.name, r.args, r.kwargs, r.worker, r.retries, r.queue]",
            { id: ours },
          );
          assert.deepEqual(seen, Object.values(extended));
          const theirs = newId();
          await other.run(
            "from celery.app.task import Context\n" +
              "request = Context(id=values['id'], task='proj.ädd', args=[1, 'ü'], kwargs={'a': 1}, hostname='w@h',\n" +
              "    retries=2, delivery_info={'routing_key': 'q'})\n" +
              "app.backend.store_result(values['id'], 3, 'SUCCESS', request=request)",
            { id: theirs },
          );
          assert.deepEqual((await backend.load(theirs))?.extended, extended);
        } finally {
          await other.close();
        }
      });

      it("groups saved by one are restored and deleted by the other", async () => {
        for (const result_format of ["auto", "pickle"]) {
          const backend = await opened.at(place, { transportOptions: { result_format } });
          const group: ResultNode = {
            id: newId(),
            parent: null,
            children: [task("a"), task("b", task("p")), { id: "inner", parent: null, children: [task("c")] }],
          };
          await backend.saveGroup(group);
          await backend.saveGroup(group);
          const tuple = await python.run("return GroupResult.restore(values['id'], app=app).as_tuple()", {
            id: group.id,
          });
          assert.deepEqual(tuple, [
            [group.id, null],
            [
              [["a", null], null],
              [["b", [["p", null], null]], null],
              [["inner", null], [[["c", null], null]]],
            ],
          ]);
          await python.run("GroupResult.restore(values['id'], app=app).delete()", { id: group.id });
          assert.equal(await backend.loadGroup(group.id), null);
          const id = newId();
          await python.run(
            "GroupResult(values['id'], [AsyncResult('a', app=app), AsyncResult('b', app=app)], app=app).save()",
            { id },
          );
          assert.deepEqual(await backend.loadGroup(id), { id, parent: null, children: [task("a"), task("b")] });
          await backend.deleteGroup(id);
          assert.equal(await python.run("return GroupResult.restore(values['id'], app=app)", { id }), null);
        }
      });

      // Celery 5.2 writes UTC whatever the time zone: with the default all agree.
      it("in another time zone both write the same date_done, and read the moment", async () => {
        const timezone = version === "5.2.7" ? "UTC" : "America/St_Johns";
        const own = await driver.prepare();
        const other = await PythonClient.start({ version, broker: "memory://", backend: own.url, conf: { timezone } });
        const raw = await connect(driver.name, own);
        try {
          if (driver.name === "postgresql" && timezone !== "UTC")
            for (const { name } of await raw.run("select current_database() as name"))
              await raw.run(`alter database ${String(name)} set timezone to 'Asia/Kolkata'`);
          const [ours, theirs] = [newId(), newId()];
          const backend = await opened.at(own, { settings: { timezone } });
          await other.run("app.backend.store_result(values['id'], 1, 'SUCCESS')", { id: theirs });
          await backend.store(state(ours, "SUCCESS", 1, { dateDone: new Date().toISOString() }));
          const dates = await raw.run(
            driver.name === "sqlite"
              ? "select date_done as d from celery_taskmeta order by id"
              : `select cast(date_done as char(19)) as d from celery_taskmeta order by id`,
          );
          const [first = NaN, second = NaN] = dates.map(({ d }) =>
            Date.parse(`${String(d).replace(" ", "T").slice(0, 19)}Z`),
          );
          assert.ok(Math.abs(first - second) <= 5000, JSON.stringify(dates));
          if (driver.name === "sqlite")
            for (const { d } of dates) assert.match(String(d), /^[-\d]{10} [:\d]{8}\.\d{6}$/);
          for (const id of [ours, theirs]) {
            const done = (await backend.load(id))?.dateDone ?? "";
            assert.match(done, timezone === "UTC" ? /\+00:00$/ : /-0[23]:30$/);
            assert.ok(Math.abs(Date.parse(done) - Date.now()) < 30_000, done);
          }
          // And cleaning up takes the zone into account.
          await (await opened.at(own, { settings: { timezone }, resultExpires: 60 })).cleanup();
          assert.ok(await backend.load(ours));
          assert.ok(await backend.load(theirs));
        } finally {
          await other.close();
          await raw.close();
          await own.close();
        }
      });

      it("what is old is removed by either one's cleanup, whoever wrote it", async () => {
        const backend = await opened.at(place, { resultExpires: 3600 });
        const past = new Date(Date.now() - 3 * 3600_000).toISOString();
        for (const who of ["us", "Python"]) {
          const [old, fresh, running] = [newId(), newId(), newId()];
          await backend.store(state(old, "SUCCESS", 1, { dateDone: past }));
          await backend.store(state(fresh, "SUCCESS", 1, { dateDone: new Date().toISOString() }));
          await backend.store(state(running, "STARTED", 1));
          await backend.saveGroup({ id: old, parent: null, children: [] });
          await sql.run(
            `update celery_tasksetmeta set date_done = '2020-01-01 00:00:00.000000' where taskset_id = '${old}'`,
          );
          await backend.saveGroup({ id: fresh, parent: null, children: [] });
          if (who === "us") await backend.cleanup();
          else
            await python.run(
              "import datetime\napp.backend.expires = datetime.timedelta(hours=1)\napp.tasks['celery.backend_cleanup']()",
            );
          assert.equal(await backend.load(old), null, who);
          assert.ok(await backend.load(fresh), who);
          assert.ok(await backend.load(running), who);
          assert.equal(await backend.loadGroup(old), null, who);
          assert.ok(await backend.loadGroup(fresh), who);
        }
      });

      it("a result that we forget is gone for Python, and the other way", async () => {
        const backend = await opened.at(place);
        const [one, two] = [newId(), newId()];
        for (const id of [one, two]) await backend.store(state(id, "SUCCESS", 1));
        await backend.forget(one);
        assert.equal((await python.state(one)).state, "PENDING");
        await python.run("AsyncResult(values['id'], app=app).forget()", { id: two });
        assert.equal(await backend.load(two), null);
      });

      it("a thousand results that Python stores arrive, each whole", async () => {
        const backend = await opened.at(place);
        const ids = Array.from({ length: 1000 }, newId);
        const watching = new Watching(backend.watch(ids));
        const half = ids.slice(0, 60);
        const stored = python.run("for id in values['ids']: app.backend.store_result(id, [id] * 50, 'SUCCESS')", {
          ids: half,
        });
        await Promise.all(ids.slice(60).map((id) => backend.store(state(id, "SUCCESS", Array<string>(50).fill(id)))));
        await stored;
        for (const { taskId, result } of await watching.done())
          assert.deepEqual(result, Array<string>(50).fill(taskId));
        assert.equal(watching.records.length, 1000);
      });

      it("broken rows are errors, never silence", async () => {
        const backend = await opened.at(place);
        const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");
        for (const bytes of ["{", "", "\xff\x00", "\x80\x05.", "\x80\x04cos\nsystem\n(X\x02\x00\x00\x00lstR.\x00"]) {
          const id = newId();
          await backend.store(state(id, "SUCCESS", 1));
          const literal = driver.name === "postgresql" ? `'\\x${hex(bytes)}'` : `x'${hex(bytes)}'`;
          await sql.run(`update celery_taskmeta set result = ${literal} where task_id = '${id}'`);
          const harness = { it, open: () => backend };
          const error = await rejects(harness, DecodeError, () => backend.load(id));
          assert.match(error.message, new RegExp(`${id}.*celery_taskmeta`));
          await rejects(harness, DecodeError, () => drain(backend.watch([id])));
        }
      });
    });

  describe(`SQL results: limits and failures of ${driver.name}`, function () {
    this.timeout(60_000);
    const opened = new Opened();
    let place: Place;
    let sql: Sql;
    const harness = { it, open: () => opened.at(place), secret: "kept-secret" };
    const at = (url: string, changes: Partial<BackendOptions> = {}): ReturnType<Opened["at"]> =>
      opened.at({ ...place, url }, { transportOptions: { retry_policy: { max_retries: 0 } }, ...changes });

    before(async function () {
      if (driver.server) await needShared(this, driver.server);
      place = await driver.prepare();
      sql = await connect(driver.name, place);
    });
    afterEach(() => opened.close());
    after(async () => {
      await sql?.close();
      await place?.close();
    });

    if (driver.server) {
      it("texts that are too long are refused with limit and remedy, before they are sent", async () => {
        const backend = await opened.at(place);
        const long = await rejects(harness, EncodeError, () => backend.store(state("x".repeat(156), "SUCCESS")));
        assert.match(long.message, /task id has 156 characters.*at most 155/);
        await backend.store(state("\u{1F955}".repeat(155), "SUCCESS", 1));
        assert.ok(await backend.load("\u{1F955}".repeat(155)));
        await rejects(harness, EncodeError, () => backend.store(state(newId(), "x".repeat(51))));
        const group = { id: "x".repeat(156), parent: null, children: [] };
        await rejects(harness, EncodeError, () => backend.saveGroup(group));
        const extended = { name: "x".repeat(156), args: [], kwargs: {}, worker: null, retries: 0, queue: null };
        await rejects(harness, EncodeError, () => backend.store(state(newId(), "SUCCESS", 1, { extended })));
      });

      it("a wrong password or database, and a port where nobody is, say so without the password", async () => {
        for (const [url, words, retriable] of [
          [place.url.replace("kept-secret", "wrong-kept-secret"), /password/, false],
          [place.url.replace(/\/\w+$/, "/nowhere"), /nowhere.*create the database/, false],
          [place.url.replace(/:\d+\//, ":9/"), /ECONNREFUSED/, true],
        ] as const) {
          const backend = await at(url);
          const error = await rejects(harness, OperationalError, () => backend.store(state(newId(), "SUCCESS")));
          assert.match(error.message, words);
          assert.equal(error.retriable, retriable, error.message);
          await rejects(harness, OperationalError, () => drain(backend.watch([newId()])));
        }
      });

      it("a user without rights hears which", async () => {
        const [before, after] = place.url.split("celeriac:kept-secret@");
        const database = /\w+$/.exec(place.url)?.[0] ?? "";
        if (driver.name === "postgresql") await sql.run("create role reader login password 'kept-secret'");
        else {
          await sql.run("create user reader@'127.0.0.1' identified by 'kept-secret'");
          await sql.run(`grant select on ${database}.* to reader@'127.0.0.1'`);
        }
        await (await opened.at(place)).load("x");
        const url = `${before}reader:kept-secret@${after}`;
        const one = await at(url);
        await rejects(harness, OperationalError, () => one.store(state(newId(), "SUCCESS")));
        const other = await at(url, { settings: { databaseTableNames: { task: "missing_table" } } });
        const error = await rejects(harness, OperationalError, () => other.store(state(newId(), "SUCCESS")));
        assert.match(error.message, /missing_table.*could not be made/);
        assert.equal(error.retriable, false);
        await sql.run(driver.name === "postgresql" ? "drop role reader" : "drop user reader@'127.0.0.1'");
      });
    }

    if (driver.name === "mariadb") {
      it("64 KiB are the limit of a BLOB, and not of a LONGBLOB", async () => {
        const backend = await opened.at(place);
        const id = newId();
        await backend.store(state(id, "SUCCESS", new Uint8Array(65_000)));
        const large = state(id, "SUCCESS", new Uint8Array(65_536));
        const error = await rejects(harness, EncodeError, () => backend.store(large));
        assert.match(error.message, /result.*blob.*65535.*LONGBLOB/);
        const traceback = "x".repeat(70_000);
        await rejects(harness, EncodeError, () => backend.store(state(newId(), "FAILURE", failure, { traceback })));
        await sql.run("alter table celery_taskmeta modify result longblob, modify traceback longtext");
        const widened = await opened.at(place);
        const wide = newId();
        await widened.store(state(wide, "FAILURE", failure, { traceback: "x".repeat(2 ** 20) }));
        await widened.store(state(wide, "SUCCESS", new Uint8Array(2 ** 21)));
        assert.equal(((await widened.load(wide))?.result as Uint8Array).length, 2 ** 21);
        await rejects(harness, EncodeError, () => widened.store(state(newId(), "SUCCESS", new Uint8Array(2 ** 24))));
      });

      it("a text that the table's character set lacks is refused with the remedy", async () => {
        const own = await driver.prepare();
        const raw = await connect("mariadb", own);
        const backend = await opened.at(own);
        await backend.load("x");
        await raw.run("alter table celery_taskmeta convert to character set latin1");
        const traceback = "\u{1F955}";
        const error = await rejects(harness, EncodeError, () =>
          backend.store(state(newId(), "FAILURE", failure, { traceback })),
        );
        assert.match(error.message, /utf8mb4/);
        await raw.close();
        await own.close();
      });
    }

    if (driver.name === "postgresql")
      it("a traceback may quote a NUL, which PostgreSQL does not know", async () => {
        const backend = await opened.at(place);
        const id = newId();
        await backend.store(state(id, "FAILURE", failure, { traceback: "ValueError: 'a\0b'" }));
        assert.equal((await backend.load(id))?.traceback, "ValueError: 'a\\x00b'");
        await rejects(harness, CeleryError, () => backend.store(state("a\0b", "SUCCESS")));
      });

    if (driver.name === "sqlite") {
      it("waits for a Python that writes, without stopping the program", async () => {
        const python = await PythonClient.start({ version: "5.7.0", broker: "memory://", backend: place.url });
        const path = place.url.slice("db+sqlite:///".length);
        const hold = (seconds: number): Promise<unknown> =>
          python.run(
            "import sqlite3\nc = sqlite3.connect(values['path'], isolation_level=None)\n" +
              "c.execute('begin exclusive')\ntime.sleep(values['seconds'])\nc.execute('rollback')\nc.close()",
            { path, seconds },
          );
        try {
          const backend = await opened.at(place);
          await backend.load("x");
          const holding = hold(1.5);
          await sleep(300);
          let longest = 0;
          let last = performance.now();
          const ticking = setInterval(() => {
            longest = Math.max(longest, performance.now() - last);
            last = performance.now();
          }, 5);
          const ids = Array.from({ length: 20 }, newId);
          await Promise.all(ids.map((id) => backend.store(state(id, "SUCCESS", 1))));
          clearInterval(ticking);
          await holding;
          assert.ok(longest < 300, `the program stood still for ${longest} ms`);
          for (const id of ids) await loaded(backend, id, "SUCCESS");
          const impatient = await at(`${place.url}?timeout=0.1`);
          const again = hold(3);
          await sleep(300);
          const error = await rejects(harness, OperationalError, () => impatient.store(state(newId(), "SUCCESS")));
          assert.ok(error.retriable && /database is locked/.test(error.message), error.message);
          await again;
        } finally {
          await python.close();
        }
      });

      it("many results at once leave the program its turn", async () => {
        const backend = await opened.at(place);
        await backend.load("x");
        let turns = 0;
        const ticking = setInterval(() => turns++, 1);
        const start = performance.now();
        await Promise.all(Array.from({ length: 500 }, (_, n) => backend.store(state(newId(), "SUCCESS", n))));
        clearInterval(ticking);
        const took = performance.now() - start;
        assert.ok(turns > took / 100, `${turns} turns in ${took} ms`);
      });

      it("a folder that is not there, and a file that is something else, say so", async () => {
        const missing = await at("db+sqlite:////nowhere/at/all.db");
        const error = await rejects(harness, OperationalError, () => missing.load("x"));
        assert.match(error.message, /\/nowhere\/at\/all\.db.*folder must exist/);
        assert.equal(error.retriable, false);
        const other = await at("db+sqlite:////etc/passwd");
        await rejects(harness, OperationalError, () => other.load("x"));
      });
    }

    it("dates of final states that nobody gave are the present, and others have none", async () => {
      const backend = await opened.at(place);
      const id = newId();
      await backend.store(state(id, "STARTED", null, { dateDone: null }));
      assert.equal((await backend.load(id))?.dateDone, null);
      await backend.store(state(id, "SUCCESS", null, { dateDone: null }));
      const done = Date.parse((await backend.load(id))?.dateDone ?? "");
      assert.ok(Math.abs(done - Date.now()) < 10_000);
    });

    it("a hundred states of one task, written at once by two, are all written, and its row is one", async () => {
      const two = [await opened.at(place), await opened.at(place)];
      const id = newId();
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => two.map((backend) => backend.store(state(id, "PROGRESS", n)))).flat(),
      );
      await two[0]?.store(state(id, "SUCCESS", "end"));
      assert.equal((await two[1]?.load(id))?.result, "end");
      assert.equal((await sql.run(`select id from celery_taskmeta where task_id = '${id}'`)).length, 1);
    });

    if (driver.server)
      it("rows that change draw no ids", async () => {
        const backend = await opened.at(place);
        const next = async (): Promise<number> => {
          const id = newId();
          await backend.store(state(id, "SUCCESS", 1));
          const [row] = await sql.run(`select id from celery_taskmeta where task_id = '${id}'`);
          return Number(row?.["id"]);
        };
        const busy = newId();
        await backend.store(state(busy, "STARTED"));
        const before = await next();
        for (let n = 0; n < 50; n++) await backend.store(state(busy, "PROGRESS", n));
        assert.equal(await next(), before + 1);
      });
  });
}
