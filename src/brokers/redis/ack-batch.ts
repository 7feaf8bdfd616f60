import type { Link } from "../../util/redis/link.js";
import type { Keys } from "./keys.js";
import type { Ticket } from "./lease.js";
import { ACK } from "./scripts.js";

/** Most acknowledgements in one script call. */
const MAX_ACKS = 500;

/**
 * Sends acknowledgements in batches: all of one turn of the event loop in one script call. Those whose answer never
 * came are sent again over the next connection, which is harmless: a record is deleted only if it is still this one.
 */
export class AckBatch {
  readonly #link: Link;
  readonly #keys: Keys;
  #waiting: Ticket[] = [];
  readonly #sent = new Set<Promise<void>>();
  #scheduled = false;
  /** The connection is gone: nothing is sent before `resume`. */
  #stalled = false;

  constructor(link: Link, keys: Keys) {
    this.#link = link;
    this.#keys = keys;
  }

  add(tickets: readonly Ticket[]): void {
    this.#waiting.push(...tickets);
    if (this.#scheduled || this.#stalled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /** There is a connection (again). */
  resume(): void {
    this.#stalled = false;
    this.#flush();
  }

  /** Everything added is acknowledged; rejects when it cannot be sent. */
  async drained(): Promise<void> {
    this.resume();
    while (this.#sent.size > 0) await Promise.all(this.#sent);
    if (this.#waiting.length > 0) throw new Error(`${this.#waiting.length} acknowledgements could not be sent`);
  }

  #flush(): void {
    this.#scheduled = false;
    while (this.#waiting.length > 0 && !this.#stalled) {
      const batch = this.#waiting.splice(0, MAX_ACKS);
      const sent = this.#send(batch).finally(() => this.#sent.delete(sent));
      this.#sent.add(sent);
    }
  }

  async #send(batch: readonly Ticket[]): Promise<void> {
    try {
      await this.#link.run(
        ACK,
        [this.#keys.unacked, this.#keys.unackedIndex],
        batch.flatMap(({ name, score }) => [name, score]),
      );
    } catch {
      this.#stalled = true;
      this.#waiting = [...batch, ...this.#waiting];
    }
  }
}
