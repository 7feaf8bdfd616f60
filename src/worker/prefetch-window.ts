/** AMQP's prefetch count has 16 bits. Celery goes on without any limit beyond; here memory stays bounded. */
export const MOST_UNSETTLED = 65_535;

export interface WindowOptions {
  /** Tasks that can run at once. */
  readonly concurrency: number;
  /** Messages for each of them; 0 is no limit, for ever. */
  readonly multiplier: number;
  /** `worker_eta_task_limit`: how far tasks that only wait can raise the window; null for as far as it goes. */
  readonly etaLimit: number | null;
  /** Whether `reduce` does anything (`worker_enable_prefetch_count_reduction`). */
  readonly reduces: boolean;
}

/**
 * How many unsettled messages the broker may give us (celery/worker/consumer/consumer.py): so many for each task that
 * can run, and one more for each that only waits for its time.
 */
export class PrefetchWindow {
  readonly #set: (count: number) => void;
  readonly #multiplier: number;
  readonly #etaLimit: number | null;
  readonly #reduces: boolean;
  #concurrency: number;
  #waiting = 0;
  /** Tasks that run since before the connection was lost: their places are not given away. */
  #busy = 0;
  #asked: number;
  #scheduled = false;

  /** `set` is called with what the window has become, once for all changes of a turn of the event loop. */
  constructor(options: WindowOptions, set: (count: number) => void) {
    this.#set = set;
    this.#multiplier = options.multiplier;
    this.#etaLimit = options.etaLimit;
    this.#reduces = options.reduces;
    this.#concurrency = options.concurrency;
    this.#asked = this.count;
  }

  /** 0 for no limit. */
  get count(): number {
    const multiplier = this.#multiplier;
    if (multiplier === 0) return 0;
    const full = this.#concurrency * multiplier;
    const base = Math.max(multiplier, full - this.#busy * multiplier);
    // The limit is for what waits: immediate tasks keep their places under it.
    const most = Math.min(MOST_UNSETTLED, Math.max(full, this.#etaLimit ?? MOST_UNSETTLED));
    return Math.min(most, base + this.#waiting);
  }

  /** Tasks that can run at once. */
  set concurrency(count: number) {
    this.#concurrency = count;
    this.#changed();
  }

  /** Tasks that wait for their time. */
  set waiting(count: number) {
    this.#waiting = count;
    this.#changed();
  }

  /** Keeps the places of so many tasks that go on running over a lost connection. */
  reduce(busy: number): void {
    if (!this.#reduces) return;
    this.#busy = busy;
    this.#changed();
  }

  /** A task has ended: its place is free again. */
  ended(): void {
    if (this.#busy === 0) return;
    this.#busy--;
    this.#changed();
  }

  #changed(): void {
    if (this.#scheduled || this.count === this.#asked) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const { count } = this;
      if (count === this.#asked) return;
      this.#asked = count;
      this.#set(count);
    });
  }
}
