import type { BackendOptions } from "../../backend.js";
import type { Dialect, Value, Write } from "../dialect.js";
import type { Table } from "../table.js";
import type { DatabaseUrl } from "../url.js";
import { definition, inspect, quoted } from "./catalogue.js";
import { PostgresClient } from "./client.js";
import { failure } from "./errors.js";
import { postgresTarget } from "./options.js";

/** PostgreSQL, through pg. */
export function postgresql(
  url: DatabaseUrl,
  options: BackendOptions,
  engineOptions: Readonly<Record<string, unknown>>,
): Dialect {
  const client = new PostgresClient(postgresTarget(url, engineOptions), url.shown, options.lib, options.logger);
  return {
    title: "PostgreSQL",
    client,
    batch: 1000,
    dates: "moments",
    inspect: (name, sequence) => inspect(client, name, sequence),
    create: (plans) => client.script(plans.flatMap(definition)),
    select: (table, columns, key, ids) => ({
      sql: `SELECT ${columns.map(selected).join(", ")} FROM ${table.sql} WHERE ${quoted(key)} = ANY ($1::text[])`,
      values: [textArray(ids)],
    }),
    write: (write) => [upsert(write)],
    remove: (table, key, id) => ({ sql: `DELETE FROM ${table.sql} WHERE ${quoted(key)} = $1::text`, values: [id] }),
    expire: (table, before) => ({
      sql: `DELETE FROM ${table.sql} WHERE date_done < $1::timestamptz`,
      values: [before],
    }),
    failure: (cause, doing) => failure(cause, doing, url.shown),
  };
}

/** The stored wall clock is the session's: as a moment in UTC it means the same to everybody. */
const selected = (column: string): string =>
  column === "date_done"
    ? "to_char(date_done::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS date_done"
    : quoted(column);

/** PostgreSQL's own notation of a list, as one parameter. */
const textArray = (texts: readonly string[]): string =>
  `{${texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;

const CASTS: Readonly<Record<string, string>> = {
  binary: "::bytea",
  date: "::timestamptz",
  integer: "::integer",
  text: "::text",
  other: "",
};

/**
 * One statement, hence one transaction: makes the row or changes it, unless it has the value to be kept. A row that is
 * there keeps its id, and only a new one draws from the sequence, which would run dry three times as fast otherwise.
 */
function upsert({ table, key, id, columns, keep }: Write): { sql: string; values: Value[] } {
  const values: Value[] = [id];
  const names = [key];
  const markers = ["$1::text"];
  for (const [name, value] of columns) {
    values.push(value);
    names.push(name);
    markers.push(`$${values.length}${castOf(table, name)}`);
  }
  if (table.nextId !== null) {
    names.push("id");
    markers.push(`COALESCE((SELECT id FROM ${table.sql} WHERE ${quoted(key)} = $1::text), ${table.nextId})`);
  }
  const changes = columns.map(([name]) => `${quoted(name)} = EXCLUDED.${quoted(name)}`);
  let sql =
    `INSERT INTO ${table.sql} AS known (${names.map(quoted).join(", ")}) VALUES (${markers.join(", ")}) ` +
    `ON CONFLICT (${quoted(key)}) DO UPDATE SET ${changes.join(", ")}`;
  if (keep) {
    values.push(keep.value);
    sql += ` WHERE known.${quoted(keep.column)} IS DISTINCT FROM $${values.length}::text`;
  }
  return { sql, values };
}

const castOf = (table: Table, name: string): string => CASTS[table.columns.get(name)?.kind ?? "other"] ?? "";
