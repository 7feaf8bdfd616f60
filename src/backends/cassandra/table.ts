import { ImproperlyConfigured } from "../../errors.js";
import type { Cluster } from "./cluster.js";
import { ONE } from "./consistency.js";
import { isAlreadyThere } from "./errors.js";
import type { CassandraSettings } from "./settings.js";

/** Celery's table (celery/backends/cassandra.py), by column. */
const COLUMNS: ReadonlyMap<string, string> = new Map([
  ["task_id", "text"],
  ["status", "text"],
  ["result", "blob"],
  ["date_done", "timestamp"],
  ["traceback", "blob"],
  ["children", "blob"],
]);
const KEYS: ReadonlyMap<string, string> = new Map([
  ["task_id", "partition_key"],
  ["date_done", "clustering"],
]);

/** The statements of one table. One row is one state; the newest comes first. */
export interface Statements {
  readonly create: string;
  readonly insert: string;
  readonly select: string;
  readonly selectHead: string;
  readonly selectMany: string;
  readonly remove: string;
}

export function statements({ table: { cql }, ttl }: CassandraSettings): Statements {
  const columns = [...COLUMNS].map(([name, type]) => `${name} ${type}`).join(", ");
  const names = [...COLUMNS.keys()].join(", ");
  const expiry = ttl === null ? "" : ` USING TTL ${ttl}`;
  return {
    create:
      `CREATE TABLE ${cql} (${columns}, PRIMARY KEY ((task_id), date_done)) ` +
      "WITH CLUSTERING ORDER BY (date_done DESC)",
    insert: `INSERT INTO ${cql} (${names}) VALUES (?, ?, ?, ?, ?, ?)${expiry}`,
    select: `SELECT ${names} FROM ${cql} WHERE task_id = ? LIMIT 1`,
    selectHead: `SELECT status, date_done FROM ${cql} WHERE task_id = ? LIMIT 1`,
    selectMany: `SELECT ${names} FROM ${cql} WHERE task_id IN ? PER PARTITION LIMIT 1`,
    remove: `DELETE FROM ${cql} WHERE task_id = ?`,
  };
}

const LIST_COLUMNS =
  "SELECT column_name, type, kind, clustering_order FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";

/**
 * Creates the table when it is not there, as only writers do. It is looked for first, so that a user without the right to
 * create tables can write into one that is there; that another writer creates it at the same time does not matter.
 *
 * @throws ImproperlyConfigured when a table of that name cannot hold results
 */
export async function ensureTable(cluster: Cluster, settings: CassandraSettings): Promise<void> {
  if (await check(cluster, settings)) return;
  try {
    await cluster.change("creating the table for results", statements(settings).create, settings.writeConsistency);
  } catch (error) {
    if (!isAlreadyThere(error)) throw error;
    await check(cluster, settings);
  }
}

/** False when there is no table. */
async function check(cluster: Cluster, { table }: CassandraSettings): Promise<boolean> {
  const rows = await cluster.rows("looking for the table", LIST_COLUMNS, [table.keyspace, table.name], ONE);
  const found = new Map(rows.map((row) => [row["column_name"], row]));
  const wrong: string[] = [];
  for (const [name, type] of rows.length === 0 ? [] : COLUMNS) {
    const column = found.get(name);
    if (!column) wrong.push(`has no column ${name}`);
    // Old servers say varchar where they mean text.
    else if (String(column["type"]).replace("varchar", "text") !== type)
      wrong.push(`has ${name} as ${String(column["type"])} instead of ${type}`);
    else if ((KEYS.get(name) ?? "regular") !== column["kind"])
      wrong.push(`has ${name} as ${String(column["kind"])} column instead of ${KEYS.get(name) ?? "regular"}`);
    else if (name === "date_done" && column["clustering_order"] !== "desc")
      wrong.push("has date_done in ascending order, so that the oldest state would be read");
  }
  const extraKeys = rows.filter(
    (row) => row["kind"] !== "regular" && row["kind"] !== "static" && !KEYS.has(String(row["column_name"])),
  );
  for (const row of extraKeys) wrong.push(`has the key column ${String(row["column_name"])}`);
  if (wrong.length > 0)
    throw new ImproperlyConfigured(
      `the table ${table.keyspace}.${table.name} (cassandraTable) cannot hold Celery's results: it ${wrong.join(", ")}; ` +
        "name another table, or drop this one and let the first writer create it",
    );
  return rows.length > 0;
}
