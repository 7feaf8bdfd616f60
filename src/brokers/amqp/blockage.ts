import { type CeleryError, OperationalError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { type Timer, after } from "../../util/time.js";

/**
 * A server that is short of memory or disk stops reading from connections that publish and says so
 * (`connection.blocked`). Nothing sent there is answered until it has recovered: publishing waits, but not for ever.
 */
export class Blockage {
  /** Why nothing is to be hoped for any more, once the limit has passed; undefined again when the server has recovered. */
  error: CeleryError | undefined;
  #active = false;
  #timer: Timer | undefined;
  readonly #givenUp = new Set<(error: CeleryError) => void>();
  readonly #ended = new Set<() => void>();

  constructor(
    private readonly display: string,
    /** Seconds; 0 for no limit. */
    private readonly limit: number,
    private readonly logger: Logger,
  ) {}

  /** The server is blocking this connection now. */
  get active(): boolean {
    return this.#active;
  }

  begin(reason: string): void {
    if (this.#active) return;
    this.#active = true;
    const { display, limit } = this;
    this.logger.warn("the broker is short of resources and takes no messages: publishing waits", {
      broker: display,
      reason,
      limit,
    });
    if (limit > 0) this.#timer = after(limit * 1000, () => this.#giveUp(reason), { unref: true });
  }

  end(): void {
    if (!this.#active) return;
    this.clear();
    this.logger.info("the broker takes messages again", { broker: this.display });
    for (const listener of [...this.#ended]) listener();
  }

  /** Without a word: the connection is gone. */
  clear(): void {
    this.#active = false;
    this.#timer?.cancel();
    this.error = undefined;
  }

  /** Runs when the limit has passed, and when the server has recovered. Returns its own undoing. */
  on(givenUp: (error: CeleryError) => void, ended: () => void): () => void {
    this.#givenUp.add(givenUp);
    this.#ended.add(ended);
    return () => {
      this.#givenUp.delete(givenUp);
      this.#ended.delete(ended);
    };
  }

  /** The answer, or the error of the blockage if that comes first. */
  async guard<T>(answer: Promise<T>): Promise<T> {
    if (this.error) {
      answer.catch(() => undefined);
      throw this.error;
    }
    let stop: ((error: CeleryError) => void) | undefined;
    const givenUp = new Promise<never>((_, reject) => this.#givenUp.add((stop = reject)));
    try {
      return await Promise.race([answer, givenUp]);
    } finally {
      if (stop) this.#givenUp.delete(stop);
    }
  }

  #giveUp(reason: string): void {
    const error = new OperationalError(
      `${this.display} has taken no messages for ${this.limit} s (blocked_connection_timeout): it is blocked by an ` +
        `alarm of its resources (${reason || "memory or disk"}); rabbitmqctl status tells which`,
    );
    this.error = error;
    this.logger.error("the broker is still short of resources: publishing fails until it recovers", {
      broker: this.display,
      reason,
    });
    for (const listener of [...this.#givenUp]) listener(error);
  }
}
