import type { Client, PlannedKind, TablePlan } from "../dialect.js";
import type { Column, ColumnKind, Table, TableName } from "../table.js";

export const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

export const qualified = ({ schema, table }: TableName): string =>
  schema === null ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;

/** Bytes of a packet that are not the value. */
const PACKET_OVERHEAD = 1024;

function kindOf(type: string): ColumnKind {
  if (/blob|binary/.test(type)) return "binary";
  if (/char|text/.test(type)) return "text";
  if (/^(?:datetime|timestamp)$/.test(type)) return "date";
  if (/int$/.test(type)) return "integer";
  return "other";
}

const COLUMNS = `
select column_name as name, data_type as type, is_nullable as nullable, column_default as preset, extra as extra,
  character_octet_length as bytes, character_maximum_length as characters
from information_schema.columns where table_schema = coalesce(?, database()) and table_name = ?`;

const UNIQUE = `
select max(column_name) as name from information_schema.statistics
where table_schema = coalesce(?, database()) and table_name = ? and non_unique = 0
group by index_name having count(*) = 1`;

const SEQUENCE = `
select 1 from information_schema.tables
where table_schema = coalesce(?, database()) and table_name = ? and table_type = 'SEQUENCE'`;

export async function inspect(client: Client, name: TableName, sequence: string): Promise<Table | null> {
  const values = [name.schema, name.table];
  const rows = await client.rows({ sql: COLUMNS, values });
  if (rows.length === 0) return null;
  const [packet] = await client.rows({ sql: "select @@max_allowed_packet as size", values: [] });
  const largest = Number(packet?.["size"]) - PACKET_OVERHEAD;
  const columns = new Map<string, Column>();
  for (const row of rows) {
    const type = String(row["type"]).toLowerCase();
    const kind = kindOf(type);
    const long = /blob|text/.test(type);
    const bytes = row["bytes"] === null ? Infinity : Number(row["bytes"]);
    columns.set(String(row["name"]), {
      kind,
      type,
      maxBytes: kind === "binary" || long ? Math.min(bytes, largest) : null,
      maxCharacters: kind === "text" && !long ? Number(row["characters"]) : null,
      optional:
        row["nullable"] === "YES" ||
        row["preset"] !== null ||
        /auto_increment|default_generated/i.test(String(row["extra"])),
    });
  }
  const unique = await client.rows({ sql: UNIQUE, values });
  const [drawn] = await client.rows({ sql: SEQUENCE, values: [name.schema, sequence] });
  const nextId = `NEXTVAL(${qualified({ schema: name.schema, table: sequence })})`;
  return {
    name,
    sql: qualified(name),
    columns,
    unique: new Set(unique.map((row) => String(row["name"]))),
    // Python draws from the sequence whatever the column may do by itself: ids from elsewhere would collide with its own.
    nextId: drawn && columns.has("id") ? nextId : null,
  };
}

const TYPES: Readonly<Record<PlannedKind, string>> = {
  id: "INTEGER NOT NULL",
  word: "VARCHAR(155)",
  state: "VARCHAR(50)",
  binary: "BLOB",
  date: "DATETIME",
  text: "TEXT",
  integer: "INTEGER",
};

/** MariaDB from 10.3 on has sequences, and SQLAlchemy uses them there. */
export function hasSequences(version: string): boolean {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)\.\d+-mariadb/i.exec(version) ?? [];
  return Number(major) > 10 || (Number(major) === 10 && Number(minor) >= 3);
}

/** What SQLAlchemy makes of Celery's models. The index is part of the table, which therefore appears complete. */
export function definition(plan: TablePlan, sequences: boolean): string[] {
  const columns = plan.columns.map(
    ([name, kind]) => `${quoted(name)} ${TYPES[kind]}${kind === "id" && !sequences ? " AUTO_INCREMENT" : ""}`,
  );
  const index = `INDEX ${quoted(plan.index)} (date_done)`;
  const table = `CREATE TABLE ${qualified(plan.name)} (${columns.join(", ")}, PRIMARY KEY (id), UNIQUE (${quoted(plan.key)}), ${index})`;
  const sequence = qualified({ schema: plan.name.schema, table: plan.sequence });
  return sequences ? [`CREATE SEQUENCE IF NOT EXISTS ${sequence}`, table] : [table];
}
