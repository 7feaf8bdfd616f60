import { resolve } from "node:path";
import { KeyedLock } from "../../../util/keyed-lock.js";
import { monotonic, sleep } from "../../../util/time.js";
import { closedError } from "../../closed.js";
import type { Client, Row, Statement } from "../dialect.js";
import { isBusy, isLost } from "./errors.js";
import type { SqliteDatabase, SqliteStatement } from "./library.js";
import { isDatabase, sqliteLibrary } from "./library.js";

/** Milliseconds that SQLite itself may wait for a lock: it blocks the whole program, so the rest is waited for here. */
const BLOCKING_WAIT = 2;
/**
 * Milliseconds of calls in a row, and of rest after them: a thousand results at once must not stop the program for a
 * second, nor keep a Python out that tries ten times a second for five seconds.
 */
const TURN = 10;
const REST = 2;
/** Prepared statements kept: a backend needs about ten. */
const PREPARED = 32;

/**
 * One connection to a file. Calls are synchronous and short; while another process writes (Python, say), they are
 * made again with pauses in which the program goes on, for as long as `timeout` (milliseconds) says.
 */
export class SqliteClient implements Client {
  readonly #path: string;
  readonly #timeout: number;
  readonly #lib: unknown;
  #opening: Promise<SqliteDatabase> | undefined;
  #database: SqliteDatabase | undefined;
  /** One call after another, so that the program has its turn in between. */
  readonly #queue = new KeyedLock();
  #turn = 0;
  #statements = new Map<string, SqliteStatement>();
  #closed = false;

  constructor(path: string, timeout: number, lib: unknown) {
    this.#path = path;
    this.#timeout = timeout;
    this.#lib = lib;
  }

  rows({ sql, values }: Statement): Promise<readonly Row[]> {
    return this.#run((database) => this.#prepared(database, sql).all(...values) as Row[]);
  }

  change({ sql, values }: Statement): Promise<number> {
    return this.#run((database) => Number(this.#prepared(database, sql).run(...values).changes));
  }

  async script(statements: readonly string[]): Promise<void> {
    await this.#run((database) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const statement of statements) database.exec(statement);
        database.exec("COMMIT");
      } catch (error) {
        try {
          database.exec("ROLLBACK");
        } catch {
          // SQLite has undone it by itself, as it does when the disk is full.
        }
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    this.#drop();
  }

  async #run<T>(use: (database: SqliteDatabase) => T): Promise<T> {
    const deadline = monotonic() + this.#timeout;
    const attempt = async (): Promise<T> => {
      if (monotonic() - this.#turn > TURN) {
        await sleep(REST);
        this.#turn = monotonic();
      }
      return use(await this.#open());
    };
    for (let pause = 2; ; pause = Math.min(pause * 1.5, 50)) {
      try {
        return await this.#queue.run("", attempt);
      } catch (error) {
        if (isLost(error)) this.#drop();
        if (!isBusy(error) || this.#closed || monotonic() >= deadline) throw error;
      }
      await sleep(pause * (0.5 + Math.random()));
    }
  }

  async #open(): Promise<SqliteDatabase> {
    if (this.#closed) throw closedError();
    if (this.#database) return this.#database;
    return (this.#opening ??= this.#connect().finally(() => (this.#opening = undefined)));
  }

  async #connect(): Promise<SqliteDatabase> {
    if (isDatabase(this.#lib)) return (this.#database = this.#lib);
    const open = await sqliteLibrary(this.#lib);
    const database = open(resolve(this.#path));
    database.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT}`);
    return (this.#database = database);
  }

  #drop(): void {
    const database = this.#database;
    this.#database = undefined;
    this.#statements.clear();
    if (database && database !== this.#lib) database.close();
  }

  #prepared(database: SqliteDatabase, sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = database.prepare(sql);
      if (this.#statements.size >= PREPARED) this.#statements.clear();
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
