import type { BackendOptions } from "../../backend.js";
import type { Dialect, Statement, Value, Write } from "../dialect.js";
import type { DatabaseUrl } from "../url.js";
import { definition, hasSequences, inspect, quoted } from "./catalogue.js";
import { MysqlClient } from "./client.js";
import { failure } from "./errors.js";
import { mysqlTarget } from "./options.js";

/** MySQL and MariaDB, through mysql2. Which of them it is only the server says, as in SQLAlchemy. */
export function mysql(
  url: DatabaseUrl,
  options: BackendOptions,
  engineOptions: Readonly<Record<string, unknown>>,
): Dialect {
  const client = new MysqlClient(mysqlTarget(url, engineOptions), url.shown, options.lib);
  return {
    title: "MySQL",
    client,
    batch: 1000,
    dates: "wall-clock",
    inspect: (name, sequence) => inspect(client, name, sequence),
    create: async (plans) => {
      const [server] = await client.rows({ sql: "select version() as version", values: [] });
      const sequences = hasSequences(String(server?.["version"]));
      await client.script(plans.flatMap((plan) => definition(plan, sequences)));
    },
    select: (table, columns, key, ids) => {
      const padded = pad(ids);
      return {
        sql: `SELECT ${columns.map(selected).join(", ")} FROM ${table.sql} WHERE ${quoted(key)} IN (${padded.map(() => "?").join(", ")})`,
        values: padded,
      };
    },
    write: (write) => [update(write), upsert(write)],
    remove: (table, key, id) => ({ sql: `DELETE FROM ${table.sql} WHERE ${quoted(key)} = ?`, values: [id] }),
    expire: (table, before) => ({ sql: `DELETE FROM ${table.sql} WHERE date_done < ?`, values: [before] }),
    failure: (cause, doing) => failure(cause, doing, url.shown),
  };
}

const selected = (column: string): string =>
  column === "date_done" ? "DATE_FORMAT(date_done, '%Y-%m-%d %H:%i:%s.%f') AS date_done" : quoted(column);

/** Few different lengths: the server and mysql2 keep a prepared statement for each. */
function pad(ids: readonly string[]): string[] {
  const length = 4 ** Math.ceil(Math.log(Math.max(1, ids.length)) / Math.log(4));
  const last = ids.at(-1) ?? "";
  return Array.from({ length }, (_, index) => ids[index] ?? last);
}

/** Most rows that change are there: this draws no id, of which AUTO_INCREMENT and sequences have two billion. */
function update({ table, key, id, columns, keep }: Write): Statement {
  const values: Value[] = [...columns.map(([, value]) => value), id];
  let sql = `UPDATE ${table.sql} SET ${columns.map(([name]) => `${quoted(name)} = ?`).join(", ")} WHERE ${quoted(key)} = ?`;
  if (keep) {
    sql += ` AND NOT ${same(keep.column)}`;
    values.push(keep.value);
  }
  return { sql, values };
}

/** To the letter: collations take "success" for the same. */
const same = (column: string): string => `CAST(${quoted(column)} AS BINARY) <=> CAST(? AS BINARY)`;

/** Makes the row; if there is one by now, changes it, unless it has the value to be kept. */
function upsert({ table, key, id, columns, keep }: Write): Statement {
  const values: Value[] = [id, ...columns.map(([, value]) => value)];
  const names = [key, ...columns.map(([name]) => name)].map(quoted);
  const markers = names.map(() => "?");
  if (table.nextId !== null) {
    names.push("id");
    markers.push(table.nextId);
  }
  // Assigned from left to right, each seeing what was assigned before: the column that decides comes last.
  const ordered = columns.map(([name]) => name).sort((a, b) => Number(a === keep?.column) - Number(b === keep?.column));
  const changes = ordered.map((name) => {
    const column = quoted(name);
    if (!keep) return `${column} = VALUES(${column})`;
    values.push(keep.value);
    return `${column} = IF(${same(keep.column)}, ${column}, VALUES(${column}))`;
  });
  const sql =
    `INSERT INTO ${table.sql} (${names.join(", ")}) VALUES (${markers.join(", ")}) ` +
    `ON DUPLICATE KEY UPDATE ${changes.join(", ")}`;
  return { sql, values };
}
