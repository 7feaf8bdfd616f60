import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { silentLogger } from "../../util/logger.js";
import type { BackendOptions } from "../backend.js";
import open from "./index.js";
import { postgresTarget } from "./postgresql/options.js";
import { mysqlTarget } from "./mysql/options.js";
import { databaseUrl } from "./url.js";

const options = (changes: Partial<BackendOptions> = {}): BackendOptions => ({
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: 86_400,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () => Promise.reject(new Error("no broker here")),
  ...changes,
});

const refused = (url: string, words: RegExp, changes: Partial<BackendOptions> = {}): void =>
  assert.throws(
    () => open(url, options(changes)),
    (error) => {
      assert.ok(error instanceof ImproperlyConfigured, String(error));
      assert.match(error.message, words);
      assert.ok(!error.message.includes("s3cret"), error.message);
      return true;
    },
  );

describe("URLs of the SQL result backend", () => {
  it("name the dialect, and a driver of Python's that means nothing", () => {
    for (const [url, dialect] of [
      ["db+postgresql://h/d", "postgresql"],
      ["db+postgresql+psycopg2://h/d", "postgresql"],
      ["db+postgresql+asyncpg://h/d", "postgresql"],
      ["database+mysql+mysqldb://h/d", "mysql"],
      ["DB+MariaDB+mariadbconnector://h/d", "mysql"],
      ["db+sqlite:///x", "sqlite"],
      ["db+sqlite+pysqlite:///x", "sqlite"],
    ] as const)
      assert.equal(databaseUrl(url).dialect, dialect, url);
  });

  it("are SQLAlchemy's: only user and password are percent-decoded", () => {
    const url = databaseUrl(
      "db+postgresql://us%40er:p%2Fw%3A@[::1]:5433/da%20ta?sslmode=require&application_name=a%20b",
    );
    assert.deepEqual(
      { ...url, shown: "" },
      {
        dialect: "postgresql",
        username: "us@er",
        password: "p/w:",
        host: "::1",
        port: 5433,
        database: "da%20ta",
        query: { sslmode: "require", application_name: "a b" },
        shown: "",
      },
    );
    assert.equal(databaseUrl("db+postgresql://u:p/w?x@h/d").password, "p/w?x");
    assert.equal(databaseUrl("db+sqlite:///rel/a%20b.db").database, "rel/a%20b.db");
    assert.equal(databaseUrl("db+sqlite:////abs.db").database, "/abs.db");
  });

  it("of other databases are refused, with those that there are", () => {
    for (const url of ["db+oracle://u:s3cret@h/d", "db+mssql+pyodbc://u:s3cret@h/d", "db+postgres://u:s3cret@h/d"])
      refused(url, /db\+postgresql:\/\/, db\+mysql:\/\/, db\+mariadb:\/\/ and db\+sqlite:\/\//);
    refused("db+postgres://h/d", /calls it postgresql/);
    for (const url of ["db", "database", "db://h/d"]) refused(url, /kind of database/);
  });

  it("of databases in memory are refused, with the reason", () => {
    for (const url of ["db+sqlite://", "db+sqlite:///", "db+sqlite:///:memory:"]) refused(url, /no other process/);
    refused("db+sqlite://relative.db", /db\+sqlite:\/\/\/relative\.db/);
  });

  it("have parameters that are known, or refused by name", () => {
    refused("db+postgresql://u:s3cret@h/d?nonsense=1", /"nonsense".*application_name/);
    refused("db+postgresql://u:s3cret@h/d?sslmode=maybe", /sslmode.*verify-full/);
    refused("db+postgresql://u:s3cret@h1,h2/d", /several hosts/);
    refused("db+mysql://u:s3cret@h/d?charset=latin1", /charset.*utf8mb4/);
    refused("db+mysql://u:s3cret@h:99999/d", /port/);
    // What is taken for the port may be a password whose host was forgotten, and for the host the end of one.
    refused("db+mysql://u:s3cret/d", /port/);
    refused("db+postgresql://u:p@s3cret@h/d", /%40/);
    refused("db+mysql://u:s3cret@h/d?connect_timeout=soon", /connect_timeout/);
    refused("db+sqlite:///x?uri=true", /"uri"/);
    refused("db+mysql://u%ZZ:s3cret@h/d", /percent escape/);
  });

  it("carry settings to pg", () => {
    const { pool, sslMode, files } = postgresTarget(
      databaseUrl(
        "db+postgresql://u:p@h:1/d?host=/run/pg&sslmode=verify-full&sslrootcert=/ca&connect_timeout=3&options=-c%20timezone%3DUTC",
      ),
      { max: 9 },
    );
    assert.equal(sslMode, "verify-full");
    assert.deepEqual(files, { ca: "/ca" });
    const { max, host, port, user, password, database, connectionTimeoutMillis, options: given } = pool;
    assert.deepEqual(
      { max, host, port, user, password, database, connectionTimeoutMillis, given },
      {
        max: 9,
        host: "/run/pg",
        port: 1,
        user: "u",
        password: "p",
        database: "d",
        connectionTimeoutMillis: 3000,
        given: "-c timezone=UTC",
      },
    );
  });

  it("carry settings to mysql2", () => {
    const { pool, tls } = mysqlTarget(databaseUrl("db+mysql://u:p@h/d?charset=utf8mb4&ssl_ca=/ca&unix_socket=/s"), {});
    assert.deepEqual(tls, { files: { ca: "/ca" }, verify: true, checkHost: true });
    assert.equal(pool.socketPath, "/s");
    assert.equal(pool.charset, "utf8mb4");
    assert.equal(mysqlTarget(databaseUrl("db+mysql://h/d"), {}).tls, null);
    refused("db+mysql://u:s3cret@127.0.0.1/d?ssl_ca=/ca", /ssl_check_hostname=false/);
    const loose = mysqlTarget(databaseUrl("db+mysql://127.0.0.1/d?ssl_ca=/ca&ssl_check_hostname=false"), {});
    assert.deepEqual(loose.tls, { files: { ca: "/ca" }, verify: true, checkHost: false });
  });

  it("engine options count where the URL says nothing, and defaults where neither does", () => {
    const plain = databaseUrl("db+postgresql://h/d");
    const engine = { connectionTimeoutMillis: 2000, keepAlive: false, ssl: { ca: "x" }, max: 2 };
    const target = postgresTarget(plain, engine);
    assert.deepEqual({ ...engine, ...target.pool }, { ...target.pool, ...engine });
    assert.deepEqual([target.sslMode, target.poolSize], [null, 2]);
    assert.deepEqual(
      [postgresTarget(plain, {}).sslMode, postgresTarget(plain, {}).pool.connectionTimeoutMillis],
      ["prefer", 10_000],
    );
    const said = postgresTarget(databaseUrl("db+postgresql://h/d?sslmode=require&connect_timeout=3"), engine);
    assert.deepEqual([said.sslMode, said.pool.connectionTimeoutMillis], ["require", 3000]);
    const mysql = databaseUrl("db+mysql://h/d");
    assert.equal(mysqlTarget(mysql, { connectTimeout: 2000 }).pool.connectTimeout, 2000);
    assert.equal(mysqlTarget(mysql, {}).pool.connectTimeout, 10_000);
  });

  it("settings of the wrong kind are refused by name", () => {
    const with_ = (settings: Record<string, unknown>): Partial<BackendOptions> => ({ settings });
    const url = "db+postgresql://u:s3cret@h/d";
    refused(url, /pool_size.*max/, with_({ databaseEngineOptions: { pool_size: 3 } }));
    refused(url, /databaseTableNames/, with_({ databaseTableNames: { tasks: "x" } }));
    refused(url, /databaseTableSchemas/, with_({ databaseTableSchemas: { task: 3 } }));
    refused(url, /result_format.*pickle/, { transportOptions: { result_format: "xml" } });
    refused(url, /visibility_timeout/, { transportOptions: { visibility_timeout: 3 } });
    refused("db+sqlite:///x", /max/, with_({ databaseEngineOptions: { max: 3 } }));
  });

  it("are shown without their password", () => {
    for (const url of ["db+postgresql+psycopg2://u:s3cret@h/d", "db+mysql://u:s3cret@h/d"])
      assert.equal(open(url, options()).displayUrl, url.replace("s3cret", "**"));
  });

  it("what is handed in as library must be one", async () => {
    for (const url of ["db+postgresql://h/d", "db+mysql://h/d", "db+sqlite:///x"])
      await assert.rejects(open(url, options({ lib: { wrong: true } })).load("x"), ImproperlyConfigured);
  });
});
