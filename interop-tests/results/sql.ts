import { DatabaseSync } from "@photostructure/sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import type { Backend, BackendOptions } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import { backendOptions, backends } from "../drivers/index.js";
import type { BackendDriver, Place } from "../drivers/index.js";

/** What tests of SQL results do behind everybody's back: SQL, and looking at what was made. */

export type Rows = Record<string, unknown>[];

export interface Sql {
  run(statement: string): Promise<Rows>;
  /** Everything that makes up the tables and what belongs to them, as texts. */
  catalogue(): Promise<string[]>;
  close(): Promise<void>;
}

export type SqlName = "postgresql" | "mariadb" | "sqlite";

/** The SQL drivers under test. */
export const sqlDrivers = backends.filter(({ name }) =>
  ["postgresql", "mariadb", "sqlite"].includes(name),
) as readonly (BackendDriver & { readonly name: SqlName })[];

/** A connection of the test's own. */
export function connect(name: SqlName, place: Place): Promise<Sql> {
  const url = place.url.replace(/^db\+(\w+)(?:\+\w+)?:/, "$1:");
  return connections[name](url);
}

const text = (rows: Rows): string[] => rows.map((row) => JSON.stringify(row));

const connections: Readonly<Record<SqlName, (url: string) => Promise<Sql>>> = {
  postgresql: async (url) => {
    const client = new pg.Client(url);
    client.on("error", () => undefined);
    await client.connect();
    const run = async (statement: string): Promise<Rows> => (await client.query<Rows[number]>(statement)).rows;
    return {
      run,
      catalogue: async () =>
        [
          await run(`select table_schema, table_name, column_name, ordinal_position, data_type, is_nullable,
            character_maximum_length, column_default, is_identity from information_schema.columns
            where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2, 4`),
          await run(`select n.nspname, c.conname, pg_get_constraintdef(c.oid) from pg_constraint c
            join pg_namespace n on n.oid = c.connamespace where n.nspname not in ('pg_catalog', 'information_schema')
            order by 1, 2`),
          await run("select indexdef from pg_indexes where schemaname <> 'pg_catalog' order by 1"),
          await run(`select schemaname, sequencename, data_type::text, start_value, min_value, max_value, increment_by,
            cycle, cache_size from pg_sequences order by 1, 2`),
        ].flatMap(text),
      close: () => client.end(),
    };
  },
  mariadb: async (url) => {
    const client = await mysql.createConnection(url);
    const run = async (statement: string): Promise<Rows> => {
      const [rows] = await client.query(statement);
      return Array.isArray(rows) ? (rows as Rows) : [];
    };
    return {
      run,
      catalogue: async () => {
        const made: string[] = [];
        for (const row of await run("show tables")) {
          const name = String(Object.values(row)[0]).replaceAll("`", "``");
          made.push(...text(await run(`show create table \`${name}\``)));
        }
        return made.flatMap((one) => one.split("\\n"));
      },
      close: () => client.end(),
    };
  },
  sqlite: async (url) => {
    const database = new DatabaseSync(url.slice("sqlite:///".length));
    database.exec("PRAGMA busy_timeout = 5000");
    const run = (statement: string): Promise<Rows> => Promise.resolve(database.prepare(statement).all() as Rows);
    return {
      run,
      catalogue: async () => {
        const made: string[] = [];
        for (const row of await run("select name from sqlite_master where type = 'table' order by name")) {
          const name = String(row["name"]);
          made.push(name, ...text(await run(`pragma table_xinfo("${name.replaceAll('"', '""')}")`)));
          const indexes = await run(
            `select name, "unique", origin, partial from pragma_index_list('${name}') order by name`,
          );
          for (const index of indexes)
            made.push(
              JSON.stringify(index),
              ...text(await run(`pragma index_info("${String(index["name"]).replaceAll('"', '""')}")`)),
            );
        }
        return made;
      },
      close: () => Promise.resolve(database.close()),
    };
  },
};

/** Backends at one place, closed together. */
export class Opened {
  readonly #all: Backend[] = [];

  async at(place: Place, changes: Partial<BackendOptions> = {}): Promise<Backend> {
    const backend = await openBackend(place.url, backendOptions(place, changes));
    this.#all.push(backend);
    return backend;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((backend) => backend.close()));
  }
}
