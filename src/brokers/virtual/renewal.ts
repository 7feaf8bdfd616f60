import { every } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import type { MessageSource, Taken } from "./store.js";

/**
 * Where messages that are held too long go to somebody else: asks every so often for more time for what a consumer
 * holds. A task that runs for hours, or that waits for its ETA, is then run once as long as its worker lives.
 */
export class Renewal<R> {
  readonly #source: MessageSource<R>;
  readonly #held: () => readonly Taken<R>[];
  readonly #failed: (error: unknown) => void;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(source: MessageSource<R>, held: () => readonly Taken<R>[], failed: (error: unknown) => void) {
    this.#source = source;
    this.#held = held;
    this.#failed = failed;
  }

  start(): void {
    const { renewInterval } = this.#source;
    if (renewInterval) this.#timer ??= every(renewInterval, () => this.#begin());
  }

  /** Resolves when a renewal under way has ended. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#running;
  }

  #begin(): void {
    const held = this.#held();
    if (held.length === 0) return;
    this.#running ??= Promise.resolve(this.#source.renew?.(held))
      .catch(this.#failed)
      .finally(() => (this.#running = undefined));
  }
}
