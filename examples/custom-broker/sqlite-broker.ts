/** A broker in one SQLite file, for programs of one machine: `sqlite:///path/to/file`. No server is needed. */
import { DatabaseSync, type DatabaseSyncInstance } from "@photostructure/sqlite";
import { ImproperlyConfigured, markRedelivered, OperationalError, virtualBroker } from "celeriac/drivers";
import type { Broker, BrokerCapabilities, BrokerOptions, GiveBackTo, MessageSource } from "celeriac/drivers";
import type { MessageStore, PutOptions, Route, SourceOptions, Taken } from "celeriac/drivers";

/** Every claim is tested by `brokerConformance`. */
const capabilities: BrokerCapabilities = {
  fanout: true,
  topic: true,
  priority: "highest-first",
  redelivery: "visibility-timeout",
  persistent: true,
  unroutable: true,
  expiration: true,
  delivery: "poll",
};

/** What a taken message was in the table; `until` is when others may take it again, in milliseconds since 1970. */
type Row = Readonly<
  Record<"id" | "priority" | "expires" | "until", number> & Record<"queue" | "text" | "lease", string>
>;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, priority INTEGER NOT NULL, expires REAL NOT NULL,
    text TEXT NOT NULL, lease TEXT NOT NULL DEFAULT '', until REAL NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS waiting ON message (queue, priority DESC, id);
  CREATE TABLE IF NOT EXISTS route (
    exchange TEXT, routingKey TEXT, pattern TEXT, queue TEXT, PRIMARY KEY (exchange, routingKey, pattern, queue));`;

/** Opens nothing yet: drivers connect when they are first used. */
export default function open(url: string, options: BrokerOptions): Broker {
  const file = /^sqlite:\/\/(.+)$/i.exec(url)?.[1];
  if (!file) throw new ImproperlyConfigured(`${url} names no file; expected sqlite:///path/to/file`);
  const seconds = options.transportOptions["visibility_timeout"] ?? 60;
  if (typeof seconds !== "number" || !(seconds > 0))
    throw new ImproperlyConfigured(
      `visibility_timeout is ${JSON.stringify(seconds)}; expected a number of seconds above 0`,
    );
  return virtualBroker(new SqliteStore(file, seconds * 1000), {
    scheme: "sqlite",
    displayUrl: url,
    capabilities,
    options,
  });
}

class SqliteStore implements MessageStore<Row> {
  readonly #file: string;
  readonly #leaseMs: number;
  #database: DatabaseSyncInstance | undefined;

  constructor(file: string, leaseMs: number) {
    this.#file = file;
    this.#leaseMs = leaseMs;
  }

  async connect(): Promise<void> {
    this.#sql("SELECT 1");
  }

  async bind(exchange: string, { routingKey, pattern, queue }: Route): Promise<void> {
    this.#sql("INSERT OR IGNORE INTO route VALUES (?, ?, ?, ?)", exchange, routingKey, pattern, queue);
  }

  async unbind(exchange: string, { routingKey, pattern, queue }: Route): Promise<void> {
    const where = "exchange = ? AND routingKey = ? AND pattern = ? AND queue = ?";
    this.#sql(`DELETE FROM route WHERE ${where}`, exchange, routingKey, pattern, queue);
  }

  async routes(exchange: string): Promise<readonly Route[]> {
    return this.#sql<Route>("SELECT routingKey, pattern, queue FROM route WHERE exchange = ?", exchange);
  }

  async put(queue: string, text: string, { priority, expiration }: PutOptions): Promise<void> {
    const expires = expiration === undefined ? Number.MAX_VALUE : Date.now() + expiration;
    this.#sql(
      "INSERT INTO message (queue, priority, expires, text) VALUES (?, ?, ?, ?)",
      queue,
      priority,
      expires,
      text,
    );
  }

  async size(queue: string): Promise<number> {
    return this.#sql(`SELECT id FROM message WHERE ${WAITING}`, queue, Date.now(), Date.now()).length;
  }

  async purge(queue: string): Promise<number> {
    return this.#sql(`DELETE FROM message WHERE ${WAITING} RETURNING id`, queue, Date.now(), Date.now()).length;
  }

  async remove(queue: string): Promise<void> {
    this.#sql("DELETE FROM message WHERE queue = ?", queue);
  }

  async close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
  }

  /** The reading side of one consumer. What it takes stays in the table, leased, until it is settled. */
  source(_events: unknown, { noAck }: SourceOptions): MessageSource<Row> {
    const mine = "id = ? AND lease = ?";
    return {
      pollInterval: 50,
      open: async () => this.connect(),
      attach: async () => true,
      detach: async () => undefined,
      take: async (queues, limit) => {
        const taken: Taken<Row>[] = [];
        for (const queue of queues)
          for (const row of this.#lease(queue, limit - taken.length))
            taken.push({ queue, text: row.text, receipt: row });
        if (noAck)
          for (const { receipt } of taken) this.#sql(`DELETE FROM message WHERE ${mine}`, receipt.id, receipt.lease);
        return taken;
      },
      arm: async (queues) => {
        for (const queue of queues) if ((await this.size(queue)) > 0) return true;
        return false;
      },
      settle: ({ receipt }) => this.#sql(`DELETE FROM message WHERE ${mine}`, receipt.id, receipt.lease),
      giveBack: async (taken, to) => {
        for (const one of taken) this.#giveBack(one, to, noAck);
      },
      renewInterval: this.#leaseMs / 3,
      renew: async (held) => {
        const until = Date.now() + this.#leaseMs;
        for (const { receipt } of held)
          this.#sql(`UPDATE message SET until = ? WHERE ${mine}`, until, receipt.id, receipt.lease);
      },
      drop: () => undefined,
      close: async () => undefined,
    };
  }

  /** The next messages of a queue, which nobody else takes for a while. */
  #lease(queue: string, limit: number): Row[] {
    const now = Date.now();
    const rows = this.#sql<Row>(
      `UPDATE message SET lease = hex(randomblob(8)), until = ? WHERE id IN
         (SELECT id FROM message WHERE ${WAITING} ORDER BY priority DESC, id LIMIT ?) RETURNING *`,
      ...[now + this.#leaseMs, queue, now, now, limit],
    );
    return rows.sort((a, b) => b.priority - a.priority || a.id - b.id);
  }

  /** Its old number is its old place in the order, a new one is the last. */
  #giveBack({ text, receipt }: Taken<Row>, to: GiveBackTo, noAck: boolean): void {
    const { id, queue, priority, expires, lease } = receipt;
    const gone = this.#sql("DELETE FROM message WHERE id = ? AND lease = ? RETURNING id", id, lease).length === 0;
    // Somebody else has it meanwhile: then it is not ours to give back.
    if (gone && !noAck) return;
    const values = [to === "front" ? id : null, queue, priority, expires, markRedelivered(text, "top-level")];
    this.#sql("INSERT INTO message (id, queue, priority, expires, text) VALUES (?, ?, ?, ?, ?)", ...values);
  }

  /** Everything a store rejects with is an `OperationalError`: consumers come back, publishes are tried again. */
  #sql<T = unknown>(sql: string, ...values: (string | number | null)[]): T[] {
    try {
      if (!this.#database) {
        this.#database = new DatabaseSync(this.#file);
        this.#database.exec(SCHEMA);
      }
      return this.#database.prepare(sql).all(...values) as T[];
    } catch (cause) {
      throw new OperationalError(`SQLite file ${this.#file}: ${(cause as Error).message}`, { cause });
    }
  }
}

const WAITING = "queue = ? AND until <= ? AND expires > ?";
