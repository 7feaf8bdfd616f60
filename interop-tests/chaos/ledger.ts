import { Redis } from "ioredis";

/** One execution, as its task noted it just before it ended. */
export interface Noted {
  readonly id: string;
  readonly side: "python" | "node";
  /** The process of the worker, the one that is killed. */
  readonly pid: number;
  readonly redelivered: boolean;
}

/** Where the tasks of both languages note that they ran: a Redis of its own, which nobody kills. */
export class Ledger {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(url: string, prefix: string) {
    this.#redis = new Redis(url);
    this.#prefix = prefix;
  }

  /** Tasks that ran at least once. */
  done(): Promise<number> {
    return this.#redis.hlen(`${this.#prefix}:done`);
  }

  /** Which of these ran. */
  async among(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const counts = await this.#redis.hmget(`${this.#prefix}:done`, ...ids);
    return ids.filter((_, at) => counts[at] !== null);
  }

  /** All executions, in the order of their ends. */
  async runs(): Promise<Noted[]> {
    const lines = await this.#redis.lrange(`${this.#prefix}:runs`, 0, -1);
    return lines.map((line) => {
      const [id = "", side, pid, redelivered] = line.split(" ");
      return { id, side: side as Noted["side"], pid: Number(pid), redelivered: redelivered === "1" };
    });
  }

  async close(): Promise<void> {
    await this.#redis.del(`${this.#prefix}:done`, `${this.#prefix}:runs`);
    this.#redis.disconnect();
  }
}
