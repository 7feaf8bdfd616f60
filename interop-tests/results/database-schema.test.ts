import assert from "node:assert/strict";
import type { BackendOptions } from "../../src/backends/backend.js";
import { ImproperlyConfigured } from "../../src/errors.js";
import { loaded, state } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import type { Place } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import type { CeleryVersion } from "../python/venvs.mjs";
import { needShared } from "../servers/shared.js";
import { connect, Opened, sqlDrivers } from "./sql.js";
import type { Sql, SqlName } from "./sql.js";

/** The tables: those that we make are those that SQLAlchemy makes, and those of others are used as they are. */
const versions: readonly CeleryVersion[] = ["5.2.7", "5.7.0"];

const MAKE = `
import os
from celery import Celery
os.environ["CELERY_RESULT_BACKEND"] = values["url"]
from celery.backends.database.session import SessionManager
other = Celery("made", broker="memory://", backend=values["url"])
other.conf.update(values.get("conf") or {})
time.sleep(max(0, values.get("at", 0) - time.time()))
backend = other.backend
backend.ResultSession(SessionManager()).close()
`;

for (const driver of sqlDrivers)
  describe(`SQL tables: ${driver.name}`, function () {
    this.timeout(60_000);
    const python = new Map<CeleryVersion, PythonClient>();
    const opened = new Opened();
    const places: Place[] = [];
    const connections: Sql[] = [];

    const place = async (): Promise<Place> => {
      const made = await driver.prepare();
      places.push(made);
      return made;
    };
    const sqlAt = async (at: Place): Promise<Sql> => {
      const sql = await connect(driver.name, at);
      connections.push(sql);
      return sql;
    };
    const run = (version: CeleryVersion, code: string, values: Record<string, unknown>): Promise<unknown> => {
      const client = python.get(version);
      assert.ok(client);
      return client.run(code, values);
    };

    before(async function () {
      if (driver.server) await needShared(this, driver.server);
      for (const version of versions) python.set(version, await PythonClient.start({ version, broker: "memory://" }));
    });
    afterEach(async () => {
      await opened.close();
      for (const sql of connections.splice(0)) await sql.close();
      for (const one of places.splice(0)) await one.close();
    });
    after(async () => {
      for (const client of python.values()) await client.close();
    });

    /** What SQLAlchemy makes, and what we make. */
    const both = async (
      version: CeleryVersion,
      conf: Record<string, unknown>,
      changes: Partial<BackendOptions>,
      prepare: (sql: Sql) => Promise<unknown> = async () => undefined,
    ): Promise<{ theirs: string[]; ours: string[] }> => {
      const made: string[][] = [];
      for (const who of ["python", "node"]) {
        const at = await place();
        const sql = await sqlAt(at);
        await prepare(sql);
        if (who === "python") await run(version, MAKE, { url: at.url, conf });
        else await (await opened.at(at, changes)).load("nobody");
        made.push(await sql.catalogue());
      }
      const [theirs = [], ours = []] = made;
      assert.ok(theirs.length > 15, theirs.join("\n"));
      return { theirs, ours };
    };

    it("are made as Celery 5.7.0 makes them, when its format is asked for", async () => {
      const { theirs, ours } = await both("5.7.0", {}, { transportOptions: { result_format: "serializer" } });
      assert.deepEqual(ours, theirs);
    });

    it("are otherwise made as Celery 5.2.7 makes them, with the indexes of 5.6", async () => {
      const { theirs, ours } = await both("5.2.7", {}, {});
      const mine = ours.filter((line) => !theirs.includes(line));
      assert.ok(mine.length > 0 && mine.length <= 6, mine.join("\n"));
      for (const line of mine) assert.match(line, /date_done|PRIMARY|UNIQUE|taskset_id|task_id/);
      assert.deepEqual(
        ours.filter((line) => !/date_done/.test(line) || /"data_type"|DATETIME|datetime/.test(line)).map(bare),
        theirs.map(bare),
      );
    });

    it("have the names and schemas of the settings", async () => {
      const names = { task: 'odd "name`s', group: "Groups" };
      const schemas = driver.name === "postgresql" ? { task: "results", group: "results" } : {};
      const { theirs, ours } = await both(
        "5.7.0",
        { database_table_names: names, database_table_schemas: schemas },
        {
          settings: { databaseTableNames: names, databaseTableSchemas: schemas },
          transportOptions: { result_format: "serializer" },
        },
        async (sql) => (driver.name === "postgresql" ? sql.run("create schema results") : undefined),
      );
      assert.deepEqual(ours, theirs);
      const at = await place();
      if (driver.name === "postgresql") await (await sqlAt(at)).run("create schema results");
      const backend = await opened.at(at, {
        settings: { databaseTableNames: names, databaseTableSchemas: schemas },
      });
      const id = newId();
      await backend.store(state(id, "SUCCESS", 1));
      await loaded(backend, id, "SUCCESS");
    });

    it("are made once, when four processes need them at the same moment", async () => {
      for (let round = 0; round < 4; round++) {
        const at = await place();
        const start = Date.now() / 1000 + 0.3;
        const ours = [await opened.at(at), await opened.at(at)];
        const id = newId();
        await Promise.all([
          run("5.7.0", MAKE, { url: at.url, at: start }),
          run("5.2.7", MAKE, { url: at.url, at: start }),
          ...ours.map(async (backend, index) => {
            await new Promise((resolve) => setTimeout(resolve, start * 1000 - Date.now() + round * 10));
            await backend.store(state(`${id}-${index}`, "SUCCESS", index));
          }),
        ]);
        const [one] = ours;
        assert.ok(one);
        for (const index of [0, 1]) assert.equal((await loaded(one, `${id}-${index}`, "SUCCESS")).result, index);
        await opened.close();
      }
    });

    it("are not made by reading, when that is not wanted", async () => {
      const at = await place();
      const backend = await opened.at(at, { settings: { databaseCreateTablesAtSetup: false } });
      const id = newId();
      assert.equal(await backend.load(id), null);
      assert.equal(await backend.loadGroup(id), null);
      await backend.cleanup();
      assert.deepEqual(await (await sqlAt(at)).catalogue(), []);
      await backend.store(state(id, "SUCCESS", 1));
      assert.equal((await backend.load(id))?.result, 1);
    });

    it("of other shapes are used as they are", async () => {
      for (const [task, group] of shapes[driver.name]) {
        const at = await place();
        const sql = await sqlAt(at);
        await sql.run(`create table celery_taskmeta (${task})`);
        await sql.run(`create table celery_tasksetmeta (${group})`);
        const backend = await opened.at(at);
        for (const id of [newId(), newId()]) {
          const extended = { name: "n", args: [], kwargs: {}, worker: "w", retries: 0, queue: "q" };
          await backend.store(state(id, "STARTED", { pid: 1 }, { extended }));
          await backend.store(state(id, "SUCCESS", { ü: [1] }, { extended }));
          const record = await loaded(backend, id, "SUCCESS");
          assert.deepEqual(record.result, { ü: [1] }, task);
          assert.ok(Math.abs(Date.parse(record.dateDone ?? "") - Date.parse("2026-11-20T15:48:29Z")) < 1000, task);
          const members = [{ id: "a", parent: null, children: null }];
          await backend.saveGroup({ id, parent: null, children: members });
          assert.deepEqual((await backend.loadGroup(id))?.children, members);
        }
        assert.equal((await sql.run("select * from celery_taskmeta")).length, 2);
      }
    });

    it("that cannot work are refused, by table, column and remedy", async () => {
      for (const [task, words] of wrong[driver.name]) {
        const at = await place();
        await (await sqlAt(at)).run(`create table celery_taskmeta (${task})`);
        const backend = await opened.at(at);
        await assert.rejects(backend.store(state(newId(), "SUCCESS", 1)), (error) => {
          assert.ok(error instanceof ImproperlyConfigured, String(error));
          assert.match(error.message, /celery_taskmeta/);
          assert.match(error.message, words);
          assert.match(error.message, /databaseTableNames/);
          return true;
        });
      }
    });

    it("that are dropped or changed under a running program are looked at again", async () => {
      const at = await place();
      const sql = await sqlAt(at);
      const backend = await opened.at(at);
      const id = newId();
      await backend.store(state(id, "SUCCESS", 1));
      await sql.run("drop table celery_taskmeta");
      assert.equal(await backend.load(id), null);
      await backend.store(state(id, "SUCCESS", 2));
      assert.equal((await backend.load(id))?.result, 2);
      await sql.run("alter table celery_taskmeta drop column worker");
      const extended = { name: "n", args: [], kwargs: {}, worker: "w", retries: 0, queue: "q" };
      await backend.store(state(newId(), "SUCCESS", 3, { extended }));
    });

    it("of an older Python that a newer one upgrades hold results of both", async () => {
      const at = await place();
      const store = `${MAKE}\nbackend.store_result(values["id"], values["value"], "SUCCESS")`;
      const get = `${MAKE}\nreturn other.AsyncResult(values["id"]).get(timeout=5)`;
      const children = [{ id: "child", parent: null, children: null }];
      const ids = Array.from({ length: 4 }, newId) as [string, string, string, string];
      await run("5.2.7", store, { url: at.url, id: ids[0], value: { from: "5.2" } });
      const before = await opened.at(at);
      await before.store(state(ids[1], "SUCCESS", { from: "us, before" }, { children }));
      assert.deepEqual(await run("5.2.7", get, { url: at.url, id: ids[1] }), { from: "us, before" });
      await run("5.7.0", store, { url: at.url, id: ids[2], value: { from: "5.7" } });
      const after = await opened.at(at);
      await after.store(state(ids[3], "SUCCESS", { from: "us, after" }, { children }));
      const froms = ["5.2", "us, before", "5.7", "us, after"];
      for (const [index, id] of ids.entries()) {
        assert.deepEqual(await run("5.7.0", get, { url: at.url, id }), { from: froms[index] });
        assert.deepEqual((await after.load(id))?.result, { from: froms[index] });
        assert.deepEqual((await before.load(id))?.result, { from: froms[index] });
      }
      assert.deepEqual((await after.load(ids[3]))?.children, children);
      const theirs = `${MAKE}\nreturn [c.as_tuple() for c in other.AsyncResult(values["id"]).children]`;
      assert.deepEqual(await run("5.7.0", theirs, { url: at.url, id: ids[3] }), [[["child", null], null]]);
      // Told to, we go on writing what older ones read.
      const pinned = await opened.at(at, { transportOptions: { result_format: "pickle" } });
      const id = newId();
      await pinned.store(state(id, "SUCCESS", 7));
      for (const version of versions) assert.equal(await run(version, get, { url: at.url, id }), 7);
    });
  });

/** Without what only the order of two lines decides. */
const bare = (line: string): string => line.replace(/,$/, "");

const words = "task_id varchar(155) unique, status varchar(50), traceback text";
const shapes: Readonly<Record<SqlName, readonly (readonly [task: string, group: string])[]>> = {
  postgresql: [
    [
      `id serial primary key, ${words}, result bytea, date_done timestamp`,
      "id serial primary key, taskset_id varchar(155) unique, result bytea, date_done timestamp",
    ],
    [
      `id bigint generated always as identity primary key, ${words}, result bytea, date_done timestamptz, note text`,
      "taskset_id text primary key, result bytea, date_done timestamptz",
    ],
  ],
  mariadb: [
    [
      `id integer auto_increment primary key, ${words}, result blob, date_done datetime`,
      "id integer auto_increment primary key, taskset_id varchar(155) unique, result blob, date_done datetime",
    ],
    [
      `id bigint auto_increment primary key, ${words}, result longblob, date_done datetime(6), note int default 3`,
      "taskset_id varchar(155) primary key, result mediumblob, date_done timestamp null",
    ],
  ],
  sqlite: [
    [
      `id integer primary key, ${words}, result blob, date_done datetime`,
      "id integer primary key, taskset_id varchar(155) unique, result blob, date_done datetime",
    ],
    [
      "task_id text primary key, status text, traceback text, result blob, date_done timestamp, note text not null default ''",
      "taskset_id text primary key, result blob, date_done timestamp",
    ],
  ],
};

const binary = { postgresql: "bytea", mariadb: "blob", sqlite: "blob" } as const;
const wrong = Object.fromEntries(
  (["postgresql", "mariadb", "sqlite"] as const).map((name) => {
    const result = `result ${binary[name]}`;
    const date = `date_done ${name === "postgresql" ? "timestamp" : "datetime"}`;
    return [
      name,
      [
        [`${words}, ${result}`, /no column date_done/],
        [`${words}, result varchar(100), ${date}`, /column result is varchar.*BYTEA, BLOB/i],
        [`${words}, ${result}, ${date}, tenant varchar(10) not null`, /column tenant needs a value.*default/],
        [`task_id varchar(155), status varchar(50), traceback text, ${result}, ${date}`, /task_id is not unique/],
        ...(name === "sqlite"
          ? []
          : [[`id integer primary key, ${words}, ${result}, ${date}`, /column id needs a value.*sequence/] as const]),
      ],
    ];
  }),
) as unknown as Readonly<Record<SqlName, readonly (readonly [task: string, words: RegExp])[]>>;
