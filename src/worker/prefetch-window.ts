/** AMQP's prefetch count has 16 bits. */
const MOST = 65_535;

/**
 * How many unsettled messages the broker may give us (celery/worker/consumer/consumer.py): so many for each task that
 * can run, and one more for each that only waits for its time.
 */
export class PrefetchWindow {
  readonly #set: (count: number) => void;
  readonly #mostWaiting: number;
  #base: number;
  #waiting = 0;
  #asked: number;

  /** `base` 0 is no limit, for ever. `mostWaiting` (`worker_eta_task_limit`): those that count as only waiting. */
  constructor(base: number, mostWaiting: number | null, set: (count: number) => void) {
    this.#base = base;
    this.#mostWaiting = mostWaiting ?? Infinity;
    this.#set = set;
    this.#asked = this.count;
  }

  get count(): number {
    if (this.#base === 0) return 0;
    return Math.min(MOST, this.#base + Math.min(this.#waiting, this.#mostWaiting));
  }

  /** Messages to have beside those that wait. */
  set base(count: number) {
    this.#base = count;
    this.#update();
  }

  /** Tasks that wait for their time. */
  set waiting(count: number) {
    this.#waiting = count;
    this.#update();
  }

  #update(): void {
    const { count } = this;
    if (count === this.#asked) return;
    this.#asked = count;
    this.#set(count);
  }
}
