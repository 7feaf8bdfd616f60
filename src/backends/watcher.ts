import type { ResultRecord } from "../protocol/result.js";
import { onAbort } from "../util/abort.js";
import { AsyncQueue } from "../util/async-queue.js";

/**
 * One iteration over the states of some tasks: a queue of states that ends with the last task's final one. There may
 * be tens of thousands, so that one object has to do.
 */
export class Watcher extends AsyncQueue<ResultRecord> {
  readonly keys: readonly string[];
  readonly #onLeave: (watcher: Watcher) => void;
  #offAbort: (() => void) | undefined;
  #left: number;
  #active = true;

  /** `onLeave` is called once, when nothing more is wanted. */
  constructor(keys: readonly string[], signal: AbortSignal | undefined, onLeave: (watcher: Watcher) => void) {
    super();
    this.keys = keys;
    this.#left = keys.length;
    this.#onLeave = onLeave;
    if (signal) {
      const off = onAbort(signal, () => this.fail(signal.reason));
      if (this.#active) this.#offAbort = off;
    }
    if (keys.length === 0) this.end();
  }

  /** False once the iteration is over: there is nothing to register then. */
  get active(): boolean {
    return this.#active;
  }

  /** `last`: this task is done. */
  deliver(record: ResultRecord, last: boolean): void {
    this.push(record);
    if (last && --this.#left === 0) this.end();
  }

  override end(): void {
    super.end();
    this.#leave();
  }

  override fail(error: unknown): void {
    super.fail(error);
    this.#leave();
  }

  #leave(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#offAbort?.();
    this.#offAbort = undefined;
    this.#onLeave(this);
  }
}
