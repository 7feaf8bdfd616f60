import type { CeleryError } from "../../errors.js";
import type { Table, TableName } from "./table.js";

/** What travels to a database as a parameter. */
export type Value = string | number | null | Uint8Array;

export type Row = Readonly<Record<string, unknown>>;

export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A small pool of connections, made when they are needed. Every statement is a transaction of its own. */
export interface Client {
  rows(statement: Statement): Promise<readonly Row[]>;
  /** Resolves to the number of rows that the statement found or made. */
  change(statement: Statement): Promise<number>;
  /** Makes tables and what belongs to them: in one transaction, where the database can do that. */
  script(statements: readonly string[]): Promise<void>;
  /** Resolves when all connections are closed; an injected pool stays open, as it is its owner's. */
  close(): Promise<void>;
}

/** A table to be made. */
export interface TablePlan {
  readonly name: TableName;
  /** The sequence of its ids, in the table's schema. */
  readonly sequence: string;
  readonly columns: readonly (readonly [name: string, kind: PlannedKind])[];
  /** The name of the index on `date_done`. */
  readonly index: string;
  /** The column with a unique constraint: the id of a task or group. */
  readonly key: string;
}

/** Columns as in celery/backends/database/models.py: `word` is `String(155)`, `state` `String(50)`. */
export type PlannedKind = "id" | "word" | "state" | "binary" | "date" | "text" | "integer";

/** One state of a task, or a group: columns with their values, and the row it belongs to. */
export interface Write {
  readonly table: Table;
  readonly key: string;
  readonly id: string;
  /** Without the key. */
  readonly columns: readonly (readonly [name: string, value: Value])[];
  /** The column and value of rows that must stay as they are (a stored SUCCESS). */
  readonly keep?: { readonly column: string; readonly value: string };
}

/** What went wrong, in our words. */
export interface Failure {
  readonly error: CeleryError;
  /** The tables are not what they were when they were looked at: look again. */
  readonly stale: boolean;
}

/** What differs from one database to the other. */
export interface Dialect {
  /** For people. */
  readonly title: string;
  readonly client: Client;
  /** Ids per query, at most. */
  readonly batch: number;
  /**
   * Dates as text, in and out: moments in UTC, where the server knows the session's time zone, or readings of the wall
   * clock in the application's.
   */
  readonly dates: "moments" | "wall-clock";
  /** The table as it is now, or null when there is none. */
  inspect(name: TableName, sequence: string): Promise<Table | null>;
  /** What makes the tables, each statement harmless when another process has done it meanwhile. */
  create(plans: readonly TablePlan[]): Promise<void>;
  /** The columns of the rows with these ids, dates as text. */
  select(table: Table, columns: readonly string[], key: string, ids: readonly string[]): Statement;
  /** Tried in turn until one of them finds or makes a row. Alone, each is atomic. */
  write(write: Write): readonly Statement[];
  remove(table: Table, key: string, id: string): Statement;
  /** Rows whose date is before this one. */
  expire(table: Table, before: string): Statement;
  /** Translates an error of the client library; `doing` says in words what was tried. */
  failure(cause: unknown, doing: string): Failure;
}
