import type { Client, PlannedKind, TablePlan } from "../dialect.js";
import type { Column, ColumnKind, Table, TableName } from "../table.js";

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const qualified = ({ schema, table }: TableName): string =>
  schema === null ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;

/** What SQLAlchemy's types are called; SQLite itself takes anything anywhere. */
function kindOf(type: string): ColumnKind {
  if (/BLOB|BINARY/i.test(type) || type === "") return "binary";
  if (/CHAR|TEXT|CLOB/i.test(type)) return "text";
  if (/DATE|TIME/i.test(type)) return "date";
  if (/INT/i.test(type)) return "integer";
  return "other";
}

export async function inspect(client: Client, name: TableName): Promise<Table | null> {
  const schema = quoted(name.schema ?? "main");
  const rows = await client.rows({ sql: `PRAGMA ${schema}.table_xinfo(${quoted(name.table)})`, values: [] });
  if (rows.length === 0) return null;
  const columns = new Map<string, Column>();
  for (const row of rows)
    columns.set(String(row["name"]), {
      kind: kindOf(String(row["type"])),
      type: String(row["type"]),
      maxBytes: null,
      // SQLite keeps texts of any length, whatever the declaration says.
      maxCharacters: null,
      optional:
        row["notnull"] !== 1 ||
        row["dflt_value"] !== null ||
        (/^INTEGER$/i.test(String(row["type"])) && row["pk"] === 1),
    });
  const unique = new Set<string>();
  const primary = rows.filter((row) => Number(row["pk"]) > 0);
  if (primary.length === 1) unique.add(String(primary[0]?.["name"]));
  const indexes = await client.rows({ sql: `PRAGMA ${schema}.index_list(${quoted(name.table)})`, values: [] });
  for (const index of indexes) {
    if (index["unique"] !== 1 || index["partial"] === 1) continue;
    const info = `PRAGMA ${schema}.index_info(${quoted(String(index["name"]))})`;
    const members = await client.rows({ sql: info, values: [] });
    if (members.length === 1) unique.add(String(members[0]?.["name"]));
  }
  return { name, sql: qualified(name), columns, unique, nextId: null };
}

const TYPES: Readonly<Record<PlannedKind, string>> = {
  id: "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
  word: "VARCHAR(155)",
  state: "VARCHAR(50)",
  binary: "BLOB",
  date: "DATETIME",
  text: "TEXT",
  integer: "INTEGER",
};

export function definition(plan: TablePlan): string[] {
  const { schema, table } = plan.name;
  const columns = plan.columns.map(([name, kind]) => `${quoted(name)} ${TYPES[kind]}`);
  const index = qualified({ schema, table: plan.index });
  return [
    `CREATE TABLE ${qualified(plan.name)} (${columns.join(", ")}, UNIQUE (${quoted(plan.key)}))`,
    `CREATE INDEX IF NOT EXISTS ${index} ON ${quoted(table)} (date_done)`,
  ];
}
