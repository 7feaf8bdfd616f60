import assert from "node:assert/strict";
import type { Backend, BackendOptions } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import { NotSupported } from "../../src/errors.js";
import type { ResultNode } from "../../src/protocol/result.js";
import { DateTime, Decimal, Uuid } from "../../src/protocol/values.js";
import { loaded, state, Watching } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import { sleep } from "../../src/util/time.js";
import { backendOptions, backends, pythonSettings } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import type { CeleryVersion } from "../python/venvs.mjs";
import { celeryVersions, newestCelery } from "../python/venvs.mjs";
import { needShared } from "../servers/shared.js";

/** One table of results, shared with Python: its shape, its rows byte by byte, and who may replace what. */
const wanted = process.env.CELERY_VERSIONS?.split(",");
const versions = [celeryVersions[0] as CeleryVersion, newestCelery].filter((one) => !wanted || wanted.includes(one));
const failure = { exc_type: "ValueError", exc_message: ["boom", 3], exc_module: "builtins" };

/** The newest row of a task, as Python's driver sees it. */
const ROW =
  "app.backend._get_connection()\n" +
  "query = 'SELECT status, result, traceback, children, TTL(result) FROM ' + app.conf.cassandra_table\n" +
  "row = app.backend._session.execute(query + ' WHERE task_id = %s LIMIT 1', (values['id'],)).one()\n" +
  "return list(row)";
/** The table as the server lists it. */
const SHAPE =
  "session = app.backend._session\n" +
  "where = ' WHERE keyspace_name = %s AND table_name = %s'\n" +
  "names = (app.conf.cassandra_keyspace, values['table'])\n" +
  "columns = 'SELECT column_name, clustering_order, kind, position, type FROM system_schema.columns'\n" +
  "table = session.execute('SELECT * FROM system_schema.tables' + where, names).one()._asdict()\n" +
  "return [[list(row) for row in session.execute(columns + where, names)],\n" +
  "    sorted([name, repr(value)] for name, value in table.items() if name not in ('id', 'table_name'))]";

if (backends.some(({ name }) => name === "cassandra"))
  for (const version of versions)
    describe(`results in cassandra shared with Celery ${version}`, function () {
      this.timeout(60_000);
      const newest = version === newestCelery;
      const driver = backends.find(({ name }) => name === "cassandra");
      let place: Place;
      let python: PythonClient;
      let backend: Backend;
      const pythons: PythonClient[] = [];
      const opened: Backend[] = [];

      const startPython = async (conf: Record<string, unknown> = {}): Promise<PythonClient> => {
        const settings = { ...pythonSettings(place), ...conf };
        const client = await PythonClient.start({
          version,
          broker: "memory://",
          backend: "cassandra://",
          conf: settings,
        });
        pythons.push(client);
        return client;
      };
      const open = async (settings: object = {}, changes: Partial<BackendOptions> = {}): Promise<Backend> => {
        const options = { ...changes, settings: { ...place.settings, ...settings } };
        const one = await openBackend(place.url, backendOptions(place, options));
        opened.push(one);
        return one;
      };

      before(async function () {
        await needShared(this, "cassandra");
        if (!driver) throw new Error("no driver");
        place = await driver.prepare();
        python = await startPython();
        backend = await open();
      });
      after(async () => {
        await Promise.all([...opened, ...pythons].map((one) => one.close()));
        await place?.close();
      });

      it("the table that we make is the one that Python makes", async () => {
        const theirs = await startPython({ cassandra_table: "made_by_python" });
        await theirs.run("app.backend.store_result('x', 1, 'SUCCESS')");
        await (await open({ cassandraTable: "made_by_us" })).store(state("x", "SUCCESS", 1));
        const shapes = await Promise.all(["made_by_python", "made_by_us"].map((table) => theirs.run(SHAPE, { table })));
        assert.equal((shapes[0] as unknown[][])[0]?.length, 6);
        assert.deepEqual(shapes[1], shapes[0]);
      });

      it("Python and we may be first at the same time", async () => {
        const settings = { cassandraTable: "contested" };
        const clients = await Promise.all([1, 2].map(() => startPython({ cassandra_table: "contested" })));
        const ours = await Promise.all([1, 2, 3].map(() => open(settings)));
        const code = "app.backend.store_result(values['id'], 1, 'SUCCESS')";
        await Promise.all([
          ...ours.map((one, index) => one.store(state(`ours${index}`, "SUCCESS", 1))),
          // Celery itself does not always get over it: what it must not do is to spoil our table.
          ...clients.map((one, index) => one.run(code, { id: `theirs${index}` }).catch(() => undefined)),
        ]);
        for (const one of ours)
          for (const index of [0, 1, 2]) assert.equal((await one.load(`ours${index}`))?.status, "SUCCESS");
      });

      const values: Record<string, unknown> = {
        number: 3,
        text: 'naïve "quoted" \u{1F955} \\ \n',
        list: [1, -2.5, true, null, { a: { b: [] } }],
        big: 2n ** 80n,
        nothing: null,
        // Before kombu 5.3 JSON has no types of its own.
        ...(newest && {
          moment: new DateTime("2026-02-03T04:05:06.123456+00:00"),
          decimal: new Decimal("1.10"),
          id: new Uuid("12345678-1234-5678-1234-567812345678"),
          bytes: new Uint8Array([255, 0, 1]),
        }),
      };

      it("Python gets the values that we store", async () => {
        for (const [name, value] of Object.entries(values)) {
          const id = newId();
          await backend.store(state(id, "SUCCESS", value));
          assert.deepEqual((await python.get(id)).value, value, name);
        }
      });

      it("we read the values that Python stores, and write the same rows, byte by byte", async () => {
        for (const [name, value] of Object.entries(values)) {
          const id = newId();
          await python.run("app.backend.store_result(values['id'], values['value'], 'SUCCESS')", { id, value });
          const record = await backend.load(id);
          assert.ok(record);
          assert.deepEqual(record.result, value, name);
          assert.equal(record.children, null);
          assert.match(record.dateDone ?? "", /^20\d\d-.*\+00:00$/);
          const copy = newId();
          await backend.store({ ...record, taskId: copy });
          assert.deepEqual(await python.run(ROW, { id: copy }), await python.run(ROW, { id }), name);
        }
      });

      it("failures, tracebacks, children and custom states mean the same", async () => {
        const failed = newId();
        const traceback = "Traceback (most recent call last):\nValueError: boom";
        await backend.store(state(failed, "FAILURE", failure, { traceback }));
        const { raised } = await python.get(failed);
        assert.deepEqual([raised?.type, raised?.args, raised?.traceback], ["ValueError", ["boom", 3], traceback]);
        const theirs = newId();
        await python.run(
          "app.backend.mark_as_failure(values['id'], KeyError('boom', 3), traceback='Traceback text', store_result=True)",
          { id: theirs },
        );
        const record = await backend.load(theirs);
        assert.deepEqual(record?.result, { exc_type: "KeyError", exc_message: ["boom", 3], exc_module: "builtins" });
        assert.equal(record?.traceback, "Traceback text");
        const id = newId();
        await backend.store(state(id, "PROGRESS", { pct: 5 }));
        assert.deepEqual(await python.state(id), { state: "PROGRESS", info: { pct: 5 }, traceback: null });
        const children: ResultNode[] = [
          { id: "child", parent: { id: "parent", parent: null, children: null }, children: null },
          { id: "group", parent: null, children: [{ id: "member", parent: null, children: null }] },
        ];
        await backend.store(state(id, "SUCCESS", 1, { children }));
        const tuples = await python.run("return [c.as_tuple() for c in AsyncResult(values['id'], app=app).children]", {
          id,
        });
        assert.deepEqual(tuples, [
          [["child", [["parent", null], null]], null],
          [["group", null], [[["member", null], null]]],
        ]);
      });

      it("each waits for what the other stores meanwhile, and not only for STARTED", async () => {
        const [ours, theirs] = [newId(), newId()];
        const got = python.get(ours, 10);
        await sleep(100);
        await backend.store(state(ours, "STARTED", { pid: 1, hostname: "h" }));
        await sleep(100);
        await backend.store(state(ours, "SUCCESS", "in time"));
        assert.equal((await got).value, "in time");
        const watching = new Watching(backend.watch([theirs]));
        await sleep(50);
        await python.run("app.backend.mark_as_started(values['id'], pid=3)", { id: theirs });
        await watching.has("STARTED");
        await python.run("app.backend.store_result(values['id'], 7, 'SUCCESS')", { id: theirs });
        assert.equal((await watching.done()).at(-1)?.result, 7);
        assert.deepEqual(watching.statuses, ["STARTED", "SUCCESS"]);
      });

      it("a hundred results that Python stores arrive, each whole", async () => {
        const ids = Array.from({ length: 100 }, newId);
        const watching = new Watching(backend.watch(ids));
        await python.run("for id in values['ids']: app.backend.store_result(id, [id] * 50, 'SUCCESS')", { ids });
        const records = await watching.done();
        assert.equal(records.length, ids.length);
        for (const { taskId, result } of records) assert.deepEqual(result, Array<string>(50).fill(taskId));
      });

      it(`Python's SUCCESS stays; ours ${newest ? "does too" : "does not: this Celery does not look"}`, async () => {
        const [ours, theirs] = [newId(), newId()];
        await backend.store(state(ours, "SUCCESS", "ours"));
        // Python's rows carry its own clock: the next millisecond is later.
        await sleep(5);
        await python.run("app.backend.store_result(values['id'], ValueError('late'), 'FAILURE')", { id: ours });
        assert.equal((await backend.load(ours))?.status, newest ? "SUCCESS" : "FAILURE");
        await python.run("app.backend.store_result(values['id'], 'theirs', 'SUCCESS')", { id: theirs });
        await backend.store(state(theirs, "FAILURE", failure));
        assert.equal((await python.get(theirs)).value, "theirs");
      });

      it("both give the rows the same time to live", async () => {
        const other = await startPython({ cassandra_entry_ttl: 5000 });
        const [ours, theirs] = [newId(), newId()];
        await (await open({ cassandraEntryTtl: 5000 })).store(state(ours, "SUCCESS", 1, { children: null }));
        await other.run("app.backend.store_result(values['id'], 1, 'SUCCESS')", { id: theirs });
        for (const id of [ours, theirs]) {
          const ttl = ((await python.run(ROW, { id })) as number[])[4] ?? 0;
          assert.ok(ttl > 4990 && ttl <= 5000, `${ttl} s`);
        }
      });

      it("what one forgets the other does not find; groups are kept by neither", async () => {
        const id = newId();
        await backend.store(state(id, "SUCCESS", 1));
        await backend.forget(id);
        assert.equal((await python.state(id)).state, "PENDING");
        if (newest) {
          await backend.store(state(id, "SUCCESS", 2));
          await python.run("AsyncResult(values['id'], app=app).forget()", { id });
          assert.equal(await backend.load(id), null);
        }
        await assert.rejects(python.run("GroupResult('g', [AsyncResult('a', app=app)], app=app).save()"));
        await assert.rejects(backend.saveGroup({ id: "g", parent: null, children: [] }), NotSupported);
      });

      // Before 5.7 Python can write only text: msgpack and pickle end its store_result with a TypeError.
      for (const serializer of newest ? ["yaml", "msgpack", "pickle"] : ["yaml"])
        it(`results in ${serializer}`, async () => {
          const other = await startPython({ result_serializer: serializer, result_accept_content: [serializer] });
          const ours = await open({}, { serializer, acceptContent: [serializer] });
          const value = { text: "ü", list: [1, 2.5, null, true] };
          const [one, two] = [newId(), newId()];
          await ours.store(state(one, "SUCCESS", value));
          assert.deepEqual((await other.get(one)).value, value);
          await other.run("app.backend.store_result(values['id'], values['value'], 'SUCCESS')", { id: two, value });
          assert.deepEqual((await loaded(ours, two, "SUCCESS")).result, value);
        });

      if (newest)
        it("results that Python compresses are read", async () => {
          const other = await startPython({ result_compression: "gzip" });
          const id = newId();
          const value = "compressed ".repeat(1000);
          await other.run("app.backend.store_result(values['id'], values['value'], 'SUCCESS')", { id, value });
          assert.equal((await backend.load(id))?.result, value);
        });
    });
