import type { Deferred } from "./deferred.js";
import { deferred } from "./deferred.js";

/** Lets so many tasks run at once; the others wait in the order of their coming. */
export class Gate {
  readonly #waiting: Deferred<void>[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else {
      const turn = deferred();
      this.#waiting.push(turn);
      await turn.promise;
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next.resolve();
      else this.#free++;
    }
  }
}
