import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as photostructure from "@photostructure/sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import type { SqliteStatement } from "../../src/backends/database/sqlite/library.js";
import { OperationalError } from "../../src/errors.js";
import { state, Watching } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import type { Place } from "../drivers/index.js";
import { startChild } from "../servers/children.js";
import { startServer } from "../servers/index.js";
import type { Server } from "../servers/index.js";
import { need, needShared } from "../servers/shared.js";
import { connect, Opened, sqlDrivers } from "./sql.js";
import type { SqlName } from "./sql.js";

/** How the SQL backend uses connections: few queries, few connections, and those that were handed in. */

/** Libraries that note every statement. */
const counting: Readonly<Record<SqlName, (statements: string[]) => unknown>> = {
  postgresql: (statements) => ({
    Pool: class extends pg.Pool {
      constructor(config: pg.PoolConfig) {
        super(config);
        this.on("connect", (client) => {
          const query = client.query.bind(client) as (...args: unknown[]) => unknown;
          Object.assign(client, {
            query: (...args: unknown[]) => {
              statements.push(String(args[0]));
              return query(...args);
            },
          });
        });
      }
    },
  }),
  mariadb: (statements) => ({
    createPool: (options: mysql.PoolOptions) => {
      const pool = mysql.createPool(options);
      const getConnection = pool.getConnection.bind(pool);
      pool.getConnection = async () => {
        const connection = await getConnection();
        return new Proxy(connection, {
          get: (target, name) => {
            const member: unknown = Reflect.get(target, name, target);
            if (typeof member !== "function") return member;
            return (...args: unknown[]): unknown => {
              if (name === "execute") statements.push(String((args[0] as { sql: string }).sql));
              return Reflect.apply(member, target, args);
            };
          },
        });
      };
      return pool;
    },
  }),
  sqlite: (statements) => ({
    DatabaseSync: class {
      readonly #database: photostructure.DatabaseSyncInstance;
      constructor(path: string) {
        this.#database = new photostructure.DatabaseSync(path);
      }
      exec(sql: string): void {
        this.#database.exec(sql);
      }
      prepare(sql: string): SqliteStatement {
        const statement = this.#database.prepare(sql) as SqliteStatement;
        return {
          run: (...values) => statement.run(...values),
          all: (...values) => {
            statements.push(sql);
            return statement.all(...values);
          },
        };
      }
      close(): void {
        this.#database.close();
      }
    },
  }),
};

interface HandedIn {
  readonly lib: unknown;
  readonly usable: () => Promise<unknown>;
  readonly close: () => unknown;
}

/** Pools and databases of a program's own. */
const handedIn: Readonly<Record<SqlName, (place: Place) => HandedIn>> = {
  postgresql: ({ url }) => {
    const pool = new pg.Pool({ connectionString: url.replace(/^db\+\w+\+\w+:/, "postgresql:"), max: 2 });
    return { lib: pool, usable: () => pool.query("select 1"), close: () => pool.end() };
  },
  mariadb: ({ url }) => {
    const pool = mysql.createPool({
      uri: url.replace(/^db\+\w+\+\w+:/, "mysql:"),
      connectionLimit: 2,
      rowsAsArray: true,
    });
    return { lib: pool, usable: () => pool.query("select 1"), close: () => pool.end() };
  },
  sqlite: () => {
    const database = new photostructure.DatabaseSync(":memory:");
    return {
      lib: database,
      usable: () => Promise.resolve(database.prepare("select 1").all()),
      close: () => database.close(),
    };
  },
};

for (const driver of sqlDrivers)
  describe(`SQL connections: ${driver.name}`, function () {
    this.timeout(90_000);
    const opened = new Opened();
    let place: Place;

    before(async function () {
      if (driver.server) await needShared(this, driver.server);
      place = await driver.prepare();
    });
    afterEach(() => opened.close());
    after(() => place?.close());

    it("closing settles everything that waits for a connection", async () => {
      const backend = await opened.at(place);
      await backend.load("x");
      const waiting = Array.from({ length: 200 }, () => backend.load("x").then(String, (error: unknown) => error));
      await backend.close();
      // Nothing else: a timer of the client library that lets the program end would settle nothing then.
      const late = sleep(3000, ["late"]);
      const results = await Promise.race([Promise.all(waiting), late]);
      assert.notDeepEqual(results, ["late"]);
      for (const result of results) if (result !== "null") assert.match(String(result), /closed/);
    });

    it("a thousand results are awaited with few queries, each for all of them", async () => {
      const statements: string[] = [];
      const backend = await opened.at(place, { lib: counting[driver.name](statements) });
      const writer = await opened.at(place);
      await writer.load("x");
      const ids = Array.from({ length: 1000 }, newId);
      // Half of them by one caller, half by as many callers as there are results, over half a second.
      const watching = [new Watching(backend.watch(ids.slice(0, 500)))];
      for (const [index, id] of ids.slice(500).entries()) {
        watching.push(new Watching(backend.watch([id])));
        if (index % 50 === 0) await sleep(50);
      }
      await sleep(1500);
      const selects = (): number => statements.filter((sql) => /^SELECT .*task_id/is.test(sql)).length;
      assert.ok(selects() > 5, "nothing was counted");
      const before = selects();
      await sleep(3000);
      const asked = selects() - before;
      assert.ok(asked >= 3 && asked <= 14, `${asked} queries in 3 seconds for 1000 results`);
      await Promise.all(ids.map((id) => writer.store(state(id, "SUCCESS", id))));
      for (const one of watching) await one.done();
    });

    it("a pool or database that was handed in is used, and left open", async () => {
      const { lib, usable, close } = handedIn[driver.name](place);
      try {
        const backend = await opened.at(place, { lib });
        const id = newId();
        await backend.store(state(id, "STARTED"));
        await backend.store(state(id, "SUCCESS", [1]));
        assert.deepEqual((await backend.load(id))?.result, [1]);
        await backend.close();
        await usable();
      } finally {
        await close();
      }
    });

    it("a program ends by itself after close, and with idle connections that nobody closed", async () => {
      for (const end of ["await backend.close();", ""]) {
        const script = `
          import { openBackend } from ${JSON.stringify(fileURLToPath(new URL("../../src/backends/registry.ts", import.meta.url)))};
          import { backendOptions } from ${JSON.stringify(fileURLToPath(new URL("../drivers/place.ts", import.meta.url)))};
          const place = ${JSON.stringify({ url: place.url, transportOptions: {} })};
          const backend = await openBackend(place.url, backendOptions(place));
          await backend.load("x");
          ${end}
          console.log("done");`;
        // mysql2 holds the process with idle connections; all other programs end.
        if (end === "" && driver.name === "mariadb") continue;
        const child = startChild(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
          cwd: fileURLToPath(new URL("../../", import.meta.url)),
        });
        await child.until(/done/, 20);
        const ended = await Promise.race([child.ended, sleep(10_000, null, { ref: false })]);
        await child.kill();
        assert.equal(ended?.code, 0, `"${end}": ${ended ? child.output : "it did not end"}`);
      }
    });

    const { server: kind } = driver;
    if (kind)
      it("waiting goes on through an outage, and ends with an error when it lasts", async function () {
        const server: Server = await need(this, () => startServer(kind, { persistent: true }));
        const own = await driver.prepare(server);
        try {
          const backend = await opened.at(own, { transportOptions: { retry_policy: { max_retries: 60 } } });
          const [short, long] = [newId(), newId()];
          for (const id of [short, long]) await backend.store(state(id, "STARTED"));
          const first = new Watching(backend.watch([short]));
          const second = new Watching(backend.watch([long]));
          await first.has("STARTED");
          await second.has("STARTED");
          await server.kill();
          const stored = backend.store(state(short, "SUCCESS", "late"));
          await sleep(3000);
          assert.equal(first.ended, false);
          await server.restart();
          await stored;
          assert.equal((await first.done()).at(-1)?.result, "late");
          await server.kill();
          const start = performance.now();
          await second.end;
          assert.ok(second.error instanceof OperationalError, String(second.error));
          assert.ok(performance.now() - start > 18_000);
          assert.ok(!second.error.message.includes("kept-secret"), second.error.message);
        } finally {
          await opened.close();
          await own.close();
          await server.stop();
        }
      });

    if (kind)
      it("a server that dies while it works on a statement ends that statement, and nothing else", async function () {
        const server: Server = await need(this, () => startServer(kind, { persistent: true }));
        const own = await driver.prepare(server);
        try {
          const backend = await opened.at(own, { transportOptions: { retry_policy: { max_retries: 0 } } });
          const [id, other] = [newId(), newId()];
          await backend.store(state(id, "STARTED"));
          const holder = await connect(driver.name, own);
          if (driver.name === "postgresql") await holder.run("begin");
          await holder.run(
            driver.name === "postgresql" ? "lock table celery_taskmeta" : "lock tables celery_taskmeta write",
          );
          const stored = backend.store(state(id, "SUCCESS", 1)).catch((error: unknown) => error);
          const read = backend.load(id).catch((error: unknown) => error);
          await sleep(500);
          await server.kill();
          for (const error of [await stored, await read])
            assert.ok(error instanceof OperationalError && error.retriable, String(error));
          await holder.close().catch(() => undefined);
          await server.restart();
          await backend.store(state(other, "SUCCESS", 2));
          assert.equal((await backend.load(other))?.result, 2);
        } finally {
          await opened.close();
          await own.close();
          await server.stop();
        }
      });

    it("eight backends of one place open no more connections than they may", async () => {
      const backends = await Promise.all(Array.from({ length: 8 }, () => opened.at(place)));
      const ids = Array.from({ length: 80 }, newId);
      await Promise.all(
        ids.map(
          (id, index) => backends[index % 8]?.store(state(id, "SUCCESS", index)) ?? Promise.reject(new Error("none")),
        ),
      );
      const records = await Promise.all(ids.map((id) => backends[0]?.load(id) ?? Promise.reject(new Error("none"))));
      assert.deepEqual(
        records.map((record) => record?.result),
        ids.map((_, index) => index),
      );
      const sql = await connect(driver.name, place);
      if (driver.name === "postgresql") {
        const [row] = await sql.run(
          "select count(*)::int as n from pg_stat_activity where datname = current_database()",
        );
        assert.ok(Number(row?.["n"]) <= 8 * 5 + 1, JSON.stringify(row));
      }
      await sql.close();
    });
  });
