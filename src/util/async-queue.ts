/**
 * A queue with an asynchronous reading end: one reader, values in order, `end` or `fail` closes it after what is
 * already inside has been read. When the reader stops (break, return), `onReturn` runs once.
 */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #values: T[] = [];
  #head = 0;
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void } | undefined;
  #closed = false;
  #error: Error | undefined;
  readonly #onReturn: (() => void | Promise<void>) | undefined;

  constructor(onReturn?: () => void | Promise<void>) {
    this.#onReturn = onReturn;
  }

  /** Values pushed and not read yet. */
  get size(): number {
    return this.#values.length - this.#head;
  }

  push(value: T): void {
    if (this.#closed) return;
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting.resolve({ value, done: false });
    } else this.#values.push(value);
  }

  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting?.resolve({ value: undefined, done: true });
    this.#waiting = undefined;
  }

  fail(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#waiting) this.#waiting.reject(error);
    else this.#error = error as Error;
    this.#waiting = undefined;
  }

  /** Takes out everything not read yet. */
  drain(): T[] {
    const rest = this.#values.slice(this.#head);
    this.#values = [];
    this.#head = 0;
    return rest;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#values.length) {
      const value = this.#values[this.#head] as T;
      this.#values[this.#head++] = undefined as T;
      if (this.#head === this.#values.length) {
        this.#values = [];
        this.#head = 0;
      } else if (this.#head > 1024 && this.#head * 2 > this.#values.length) {
        this.#values = this.#values.slice(this.#head);
        this.#head = 0;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async return(): Promise<IteratorResult<T>> {
    this.end();
    this.drain();
    await this.#onReturn?.();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
