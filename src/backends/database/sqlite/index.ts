import { ImproperlyConfigured } from "../../../errors.js";
import type { BackendOptions } from "../../backend.js";
import type { Dialect, Statement, Value, Write } from "../dialect.js";
import type { DatabaseUrl } from "../url.js";
import { Parameters } from "../url.js";
import { definition, inspect, quoted } from "./catalogue.js";
import { SqliteClient } from "./client.js";
import { failure } from "./errors.js";
import { isDatabase } from "./library.js";

/** Seconds to wait for another process that writes: Python's own default. */
const TIMEOUT = 5;

/** SQLite, through Node's module or the package that brings the same. */
export function sqlite(
  url: DatabaseUrl,
  options: BackendOptions,
  engineOptions: Readonly<Record<string, unknown>>,
): Dialect {
  const [unknown] = Object.keys(engineOptions);
  if (unknown !== undefined)
    throw new ImproperlyConfigured(`databaseEngineOptions.${unknown}: SQLite has no engine options here`);
  const parameters = new Parameters(url);
  const timeout = parameters.number("timeout") ?? TIMEOUT;
  parameters.ignore("check_same_thread", "cached_statements", "detect_types", "isolation_level");
  parameters.done();
  const path = url.database;
  if (url.host !== undefined)
    throw new ImproperlyConfigured(
      `${url.shown} names a host; a file is db+sqlite:///relative.db or db+sqlite:////absolute.db`,
    );
  if ((path === undefined || path === ":memory:") && !isDatabase(options.lib))
    throw new ImproperlyConfigured(
      `${url.shown} is a database in memory, where no other process would find a result: name a file, ` +
        "as in db+sqlite:///results.db, or use memory:// for tests",
    );
  const client = new SqliteClient(path ?? ":memory:", timeout * 1000, options.lib);
  return {
    title: "SQLite",
    client,
    batch: 1000,
    dates: "wall-clock",
    inspect: (name) => inspect(client, name),
    create: (plans) => client.script(plans.flatMap(definition)),
    select: (table, columns, key, ids) => ({
      // One statement for any number of ids.
      sql: `SELECT ${columns.map(quoted).join(", ")} FROM ${table.sql} WHERE ${quoted(key)} IN (SELECT value FROM json_each(?))`,
      values: [JSON.stringify(ids)],
    }),
    write: (write) => [upsert(write)],
    remove: (table, key, id) => ({ sql: `DELETE FROM ${table.sql} WHERE ${quoted(key)} = ?`, values: [id] }),
    expire: (table, before) => ({ sql: `DELETE FROM ${table.sql} WHERE date_done < ?`, values: [before] }),
    failure: (cause, doing) => failure(cause, doing, url.shown),
  };
}

/** One statement, hence one transaction: makes the row or changes it, unless it has the value to be kept. */
function upsert({ table, key, id, columns, keep }: Write): Statement {
  const names = [key, ...columns.map(([name]) => name)].map(quoted);
  const values: Value[] = [id, ...columns.map(([, value]) => value)];
  const changes = columns.map(([name]) => `${quoted(name)} = excluded.${quoted(name)}`);
  let sql =
    `INSERT INTO ${table.sql} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) ` +
    `ON CONFLICT (${quoted(key)}) DO UPDATE SET ${changes.join(", ")}`;
  if (keep) {
    sql += ` WHERE ${quoted(keep.column)} IS NOT ?`;
    values.push(keep.value);
  }
  return { sql, values };
}
