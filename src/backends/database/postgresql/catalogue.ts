import type { Client, PlannedKind, TablePlan } from "../dialect.js";
import type { Column, ColumnKind, Table, TableName } from "../table.js";

/** An identifier as it is, whatever it contains. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const qualified = ({ schema, table }: TableName): string =>
  schema === null ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const KINDS: Readonly<Record<string, ColumnKind>> = {
  bytea: "binary",
  text: "text",
  varchar: "text",
  bpchar: "text",
  timestamp: "date",
  timestamptz: "date",
  int2: "integer",
  int4: "integer",
  int8: "integer",
};

const COLUMNS = `
select a.attname::text as name, t.typname::text as type, a.attnotnull as needed,
  a.atthasdef or a.attidentity <> '' as given,
  case when t.typname in ('varchar', 'bpchar') and a.atttypmod > 4 then a.atttypmod - 4 end as characters,
  exists (select 1 from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indpred is null
    and i.indisvalid and i.indnkeyatts = 1 and i.indkey[0] = a.attnum) as single
from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`;

/** The table as the catalogue knows it: by the schema, or else along the search path. */
export async function inspect(client: Client, name: TableName, sequence: string): Promise<Table | null> {
  const sql = qualified(name);
  const rows = await client.rows({ sql: COLUMNS, values: [sql] });
  if (rows.length === 0) return null;
  const columns = new Map<string, Column>();
  const unique = new Set<string>();
  for (const row of rows) {
    const type = String(row["type"]);
    const column = String(row["name"]);
    columns.set(column, {
      kind: KINDS[type] ?? "other",
      type,
      maxBytes: null,
      maxCharacters: typeof row["characters"] === "number" ? row["characters"] : null,
      optional: row["needed"] !== true || row["given"] === true,
    });
    if (row["single"] === true) unique.add(column);
  }
  const sequenceName = qualified({ schema: name.schema, table: sequence });
  const [there] = await client.rows({ sql: "select to_regclass($1) is not null as there", values: [sequenceName] });
  // Python draws from the sequence whatever default the column may have: ids from elsewhere would collide with its own.
  const drawn = columns.has("id") && there?.["there"] === true;
  return { name, sql, columns, unique, nextId: drawn ? `nextval(${literal(sequenceName)})` : null };
}

const TYPES: Readonly<Record<PlannedKind, string>> = {
  id: "INTEGER NOT NULL",
  word: "VARCHAR(155)",
  state: "VARCHAR(50)",
  binary: "BYTEA",
  date: "TIMESTAMP WITHOUT TIME ZONE",
  text: "TEXT",
  integer: "INTEGER",
};

/** What SQLAlchemy makes of Celery's models: the ids come from a sequence that the column knows nothing of. */
export function definition(plan: TablePlan): string[] {
  const columns = plan.columns.map(([name, kind]) => `${quoted(name)} ${TYPES[kind]}`);
  const table = qualified(plan.name);
  return [
    `CREATE SEQUENCE IF NOT EXISTS ${qualified({ schema: plan.name.schema, table: plan.sequence })}`,
    `CREATE TABLE ${table} (${columns.join(", ")}, PRIMARY KEY (id), UNIQUE (${quoted(plan.key)}))`,
    `CREATE INDEX IF NOT EXISTS ${quoted(plan.index)} ON ${table} (date_done)`,
  ];
}
