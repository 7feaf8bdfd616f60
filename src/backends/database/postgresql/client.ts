import type { Pool, PoolClient, PoolConfig } from "pg";
import { ImproperlyConfigured } from "../../../errors.js";
import { Gate } from "../../../util/gate.js";
import { loadPeer } from "../../../util/load-peer.js";
import type { Logger } from "../../../util/logger.js";
import { closedError } from "../../closed.js";
import type { Client, Row, Statement } from "../dialect.js";
import type { PostgresTarget } from "./options.js";
import { tlsOptions } from "./options.js";

/** What is used of pg. */
interface Library {
  readonly Pool: new (config: PoolConfig) => Pool;
}

/** A pool of pg's, made with the first statement; `lib` is the library, or a pool that somebody else owns. */
export class PostgresClient implements Client {
  readonly #target: PostgresTarget;
  readonly #shown: string;
  readonly #lib: unknown;
  readonly #logger: Logger;
  /**
   * Waiting for a connection is done here: in pg's queue it would count as connecting, and end with its time limit, and
   * what is there when the pool ends is forgotten.
   */
  readonly #gate: Gate;
  #pool: Promise<Pool> | undefined;
  /** The server has no TLS, and nobody demands it. */
  #plain = false;
  #closed = false;

  constructor(target: PostgresTarget, shown: string, lib: unknown, logger: Logger) {
    this.#target = target;
    this.#shown = shown;
    this.#lib = lib;
    this.#logger = logger;
    this.#gate = new Gate(target.poolSize);
  }

  async rows({ sql, values }: Statement): Promise<readonly Row[]> {
    const { rows } = await this.#run((client) => client.query<Row>(sql, [...values]));
    return rows;
  }

  async change({ sql, values }: Statement): Promise<number> {
    const { rowCount } = await this.#run((client) => client.query(sql, [...values]));
    return rowCount ?? 0;
  }

  async script(statements: readonly string[]): Promise<void> {
    await this.#run(async (client) => {
      await client.query("BEGIN");
      try {
        for (const statement of statements) await client.query(statement);
        await client.query("COMMIT");
      } catch (error) {
        await client.query("ROLLBACK").catch(() => undefined);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pool = await this.#pool?.catch(() => undefined);
    if (pool && pool !== this.#lib) await pool.end();
  }

  /** One client of the pool, given back at once; after any failure that may be the connection's it is not used again. */
  #run<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#gate.run(() => this.#use(use));
  }

  async #use<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    const client = await this.#connect();
    // pg listens to idle clients only: without this, a connection that is lost in use would end the whole program.
    client.on("error", this.#lost);
    let broken = false;
    try {
      return await use(client);
    } catch (error) {
      broken = !hasState(error);
      throw error;
    } finally {
      client.release(broken);
      client.removeListener("error", this.#lost);
    }
  }

  readonly #lost = (error: Error): void => this.#logger.debug("a connection was lost", { error });

  async #connect(): Promise<PoolClient> {
    const pool = await (this.#pool ??= this.#open());
    try {
      return await pool.connect();
    } catch (error) {
      const noTls = error instanceof Error && /does not support SSL/i.test(error.message);
      if (!noTls || this.#target.sslMode !== "prefer" || this.#closed) throw error;
      if (!this.#plain) {
        this.#plain = true;
        this.#pool = this.#open();
        await pool.end();
      }
      return this.#connect();
    }
  }

  async #open(): Promise<Pool> {
    try {
      const lib = this.#lib ?? (await loadPeer("pg", "the PostgreSQL result backend", () => import("pg")));
      if (isPool(lib)) return lib;
      const { Pool: Make } = library(lib);
      const ssl = this.#plain ? false : await tlsOptions(this.#target, this.#shown);
      const pool = new Make({ ...this.#target.pool, ssl });
      // An idle connection that ends (the server restarts) is replaced when the next one is needed.
      pool.on("error", this.#lost);
      return pool;
    } catch (error) {
      this.#pool = undefined;
      throw error;
    }
  }
}

/** PostgreSQL answered: the connection is fine, and only the statement was not. */
const hasState = (error: unknown): boolean => {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && severity === "ERROR";
};

const isPool = (lib: unknown): lib is Pool =>
  typeof lib === "object" && lib !== null && "connect" in lib && "query" in lib && !("Pool" in lib);

function library(lib: unknown): Library {
  const found = lib as { Pool?: unknown; default?: { Pool?: unknown } };
  if (typeof found.Pool === "function") return found as Library;
  if (typeof found.default?.Pool === "function") return found.default as Library;
  throw new ImproperlyConfigured("the option lib is neither the module pg nor a Pool of it");
}
