import type { Pool, PoolConnection, PoolOptions, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { ImproperlyConfigured } from "../../../errors.js";
import { loadPeer } from "../../../util/load-peer.js";
import { deferred } from "../../../util/deferred.js";
import { Gate } from "../../../util/gate.js";
import { after } from "../../../util/time.js";
import { closedError } from "../../closed.js";
import type { Client, Row, Statement } from "../dialect.js";
import { hasState } from "./errors.js";
import type { MysqlTarget } from "./options.js";
import { tlsOptions } from "./options.js";

/** What is used of mysql2/promise. */
interface Library {
  createPool(options: PoolOptions): Pool;
}

/** A pool of mysql2's, made with the first statement; `lib` is the library, or a pool that somebody else owns. */
export class MysqlClient implements Client {
  readonly #target: MysqlTarget;
  readonly #shown: string;
  readonly #lib: unknown;
  /** Waiting for a connection is done here: who waits in mysql2's queue when the pool ends may wait for ever. */
  readonly #gate: Gate;
  #pool: Promise<Pool> | undefined;
  #closed = false;

  constructor(target: MysqlTarget, shown: string, lib: unknown) {
    this.#target = target;
    this.#shown = shown;
    this.#lib = lib;
    this.#gate = new Gate(target.poolSize);
  }

  async rows({ sql, values }: Statement): Promise<readonly Row[]> {
    const [rows] = await this.#run((connection) =>
      connection.execute<RowDataPacket[]>({ ...this.#query(sql), values: [...values] }),
    );
    return rows;
  }

  async change({ sql, values }: Statement): Promise<number> {
    const [{ affectedRows }] = await this.#run((connection) =>
      connection.execute<ResultSetHeader>({ ...this.#query(sql), values: [...values] }),
    );
    return affectedRows;
  }

  /** DDL ends transactions by itself here: each statement must be harmless when it is repeated. */
  async script(statements: readonly string[]): Promise<void> {
    await this.#run(async (connection) => {
      for (const statement of statements) await connection.query(this.#query(statement));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pool = await this.#pool?.catch(() => undefined);
    if (pool && pool !== this.#lib) await pool.end();
  }

  /** An owner's pool may be set to give arrays. */
  #query(sql: string): { sql: string; rowsAsArray: false } {
    return { sql, rowsAsArray: false };
  }

  /** One connection of the pool, given back at once; after any failure that may be the connection's it is ended. */
  #run<T>(use: (connection: PoolConnection) => Promise<T>): Promise<T> {
    return this.#gate.run(() => this.#use(use));
  }

  async #use<T>(use: (connection: PoolConnection) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    const connection = await (await (this.#pool ??= this.#open())).getConnection();
    // Not mysql2's own limit: its timer outlives a connection that is lost meanwhile.
    const late = deferred<never>();
    const { timeout } = this.#target;
    const timer = after(timeout, () => late.reject(new Error(`no answer for ${timeout / 1000} s`)));
    try {
      const result = await Promise.race([use(connection), late.promise]);
      connection.release();
      return result;
    } catch (error) {
      if (hasState(error)) connection.release();
      else connection.destroy();
      throw error;
    } finally {
      timer.cancel();
    }
  }

  async #open(): Promise<Pool> {
    try {
      const lib = this.#lib ?? (await loadPeer("mysql2", "the MySQL result backend", () => import("mysql2/promise")));
      if (isPool(lib)) return lib;
      const ssl = await tlsOptions(this.#target, this.#shown);
      return library(lib).createPool({ ...this.#target.pool, ...(ssl && { ssl }) });
    } catch (error) {
      this.#pool = undefined;
      throw error;
    }
  }
}

const isPool = (lib: unknown): lib is Pool =>
  typeof lib === "object" && lib !== null && "getConnection" in lib && "execute" in lib;

function library(lib: unknown): Library {
  const found = lib as { createPool?: unknown; default?: { createPool?: unknown } };
  if (typeof found.createPool === "function") return found as Library;
  if (typeof found.default?.createPool === "function") return found.default as Library;
  throw new ImproperlyConfigured("the option lib is neither the module mysql2/promise nor a pool of it");
}
