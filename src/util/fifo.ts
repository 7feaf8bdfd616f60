/** A queue whose length costs nothing: taking the first value moves no other. */
export class Fifo<T> implements Iterable<T> {
  #values: T[] = [];
  #head = 0;

  get size(): number {
    return this.#values.length - this.#head;
  }

  push(value: T): void {
    this.#values.push(value);
  }

  shift(): T | undefined {
    if (this.#head === this.#values.length) return undefined;
    const value = this.#values[this.#head] as T;
    this.#values[this.#head++] = undefined as T;
    // Now and then what was taken is cut off: each value is moved at most once for each that was taken.
    if (this.#head === this.#values.length || (this.#head > 1024 && this.#head * 2 > this.#values.length)) {
      this.#values = this.#values.slice(this.#head);
      this.#head = 0;
    }
    return value;
  }

  /** Takes all of them out. */
  clear(): T[] {
    const values = this.#values.slice(this.#head);
    this.#values = [];
    this.#head = 0;
    return values;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#head; at < this.#values.length; at++) yield this.#values[at] as T;
  }
}
