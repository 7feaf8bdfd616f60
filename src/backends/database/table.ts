import { ImproperlyConfigured } from "../../errors.js";

export interface TableName {
  readonly schema: string | null;
  readonly table: string;
}

/** The table as people write it. */
export const shownName = ({ schema, table }: TableName): string => (schema === null ? table : `${schema}.${table}`);

export type ColumnKind = "text" | "binary" | "date" | "integer" | "other";

export interface Column {
  readonly kind: ColumnKind;
  /** The database's own name of the type. */
  readonly type: string;
  readonly maxBytes: number | null;
  readonly maxCharacters: number | null;
  /** A row can be made without it. */
  readonly optional: boolean;
}

/** A table that exists. */
export interface Table {
  readonly name: TableName;
  /** The quoted name. */
  readonly sql: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** Columns that have a unique index for themselves. */
  readonly unique: ReadonlySet<string>;
  /**
   * Where a new row's `id` comes from: the sequence that SQLAlchemy draws from (an SQL expression), or null when the
   * database gives it (or the table has no such column).
   */
  readonly nextId: string | null;
}

export interface Wanted {
  readonly what: string;
  readonly key: string;
  readonly columns: Readonly<Record<string, ColumnKind>>;
  /** The columns that rows are made with, when the table has them. */
  readonly known: ReadonlySet<string>;
}

/**
 * Whether rows of ours fit into a table that somebody else made.
 *
 * @throws ImproperlyConfigured naming table, column and remedy
 */
export function checkTable(table: Table, wanted: Wanted): void {
  const fail = (problem: string, remedy: string): never => {
    throw new ImproperlyConfigured(
      `the table ${shownName(table.name)} cannot hold Celery's ${wanted.what}: ${problem}; ${remedy}, ` +
        "or name another table in databaseTableNames",
    );
  };
  for (const [name, kind] of Object.entries(wanted.columns)) {
    const column = table.columns.get(name);
    if (!column) return fail(`it has no column ${name}`, `add it as Celery makes it (${TYPES[kind]})`);
    if (column.kind !== kind)
      return fail(`its column ${name} is ${column.type}, expected ${TYPES[kind]}`, "change its type");
  }
  if (!table.unique.has(wanted.key))
    return fail(`its column ${wanted.key} is not unique`, `add a unique constraint on ${wanted.key}`);
  for (const [name, column] of table.columns) {
    if (column.optional || wanted.known.has(name) || (name === "id" && table.nextId !== null)) continue;
    const id = name === "id" ? "make it an identity or serial column, or create Celery's sequence for it" : "";
    return fail(`its column ${name} needs a value that Celery does not give`, id || "let it be NULL or give a default");
  }
}

const TYPES: Readonly<Record<ColumnKind, string>> = {
  text: "a text type",
  binary: "a binary type (BYTEA, BLOB)",
  date: "a timestamp",
  integer: "an integer",
  other: "any type",
};
