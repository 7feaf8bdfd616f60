import type { ResultRecord } from "../protocol/result.js";
import { onAbort } from "../util/abort.js";
import { AsyncQueue } from "../util/async-queue.js";

/** One iteration over the states of some tasks: a queue of states, and the number of tasks that are not done yet. */
export class Watcher {
  readonly states: AsyncQueue<ResultRecord>;
  readonly #onLeave: (watcher: Watcher) => void;
  readonly #offAbort: () => void;
  #left: number;
  #gone = false;

  /** `onLeave` is called once, when nothing more is wanted. */
  constructor(
    readonly keys: readonly string[],
    signal: AbortSignal | undefined,
    onLeave: (watcher: Watcher) => void,
  ) {
    this.#left = keys.length;
    this.#onLeave = onLeave;
    this.states = new AsyncQueue<ResultRecord>(() => this.#leave());
    this.#offAbort = onAbort(signal, () => this.fail(signal?.reason));
    if (this.#gone) this.#offAbort();
    else if (keys.length === 0) this.#finish();
  }

  /** False once the iteration is over: there is nothing to register then. */
  get active(): boolean {
    return !this.#gone;
  }

  /** `last`: this task is done. */
  deliver(record: ResultRecord, last: boolean): void {
    this.states.push(record);
    if (last && --this.#left === 0) this.#finish();
  }

  fail(error: unknown): void {
    this.states.fail(error);
    this.#leave();
  }

  #finish(): void {
    this.states.end();
    this.#leave();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    // The constructor may be aborted before the listener's own remover exists.
    (this.#offAbort as (() => void) | undefined)?.();
    this.#onLeave(this);
  }
}
