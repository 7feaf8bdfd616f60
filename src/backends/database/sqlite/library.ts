import { ImproperlyConfigured } from "../../../errors.js";
import { loadPeer } from "../../../util/load-peer.js";

/** What is used of a prepared statement. */
export interface SqliteStatement {
  all(...values: (string | number | null | Uint8Array)[]): unknown[];
  run(...values: (string | number | null | Uint8Array)[]): { readonly changes: number | bigint };
}

/** What is used of `DatabaseSync`, which Node and @photostructure/sqlite have alike. */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export type OpenSqlite = (path: string) => SqliteDatabase;

const isModule = (lib: unknown): lib is { readonly DatabaseSync: new (path: string) => SqliteDatabase } =>
  typeof lib === "object" && lib !== null && typeof (lib as { DatabaseSync?: unknown }).DatabaseSync === "function";

export const isDatabase = (lib: unknown): lib is SqliteDatabase =>
  typeof lib === "object" && lib !== null && "prepare" in lib && "exec" in lib;

/** Node's own SQLite where the runtime has it, else the package that brings the same. */
export async function sqliteLibrary(lib: unknown): Promise<OpenSqlite> {
  const found =
    lib ??
    process.getBuiltinModule?.("node:sqlite") ??
    (await loadPeer(
      "@photostructure/sqlite",
      "the SQLite result backend before Node 22.13",
      () => import("@photostructure/sqlite"),
    ));
  if (isModule(found)) return (path) => new found.DatabaseSync(path);
  throw new ImproperlyConfigured(
    "the option lib is neither a module with DatabaseSync (node:sqlite, @photostructure/sqlite) nor a database of it",
  );
}
