/** First in, first out, with a cheap front; what is taken back in the middle is skipped when its turn comes. */
export class Fifo<T extends object> {
  #items: T[] = [];
  #head = 0;
  readonly #removed = new Set<T>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#size++;
  }

  /** The oldest one, undefined when there is none. */
  shift(): T | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head++] as T;
      if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      if (this.#removed.size > 0 && this.#removed.delete(item)) continue;
      this.#size--;
      return item;
    }
    this.#items = [];
    this.#head = 0;
    return undefined;
  }

  /** Takes back one that is inside. */
  remove(item: T): void {
    this.#removed.add(item);
    this.#size--;
  }

  /** Takes out everything, in order. */
  drain(): T[] {
    const rest: T[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) rest.push(item);
    return rest;
  }
}
