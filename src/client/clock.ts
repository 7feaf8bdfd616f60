/** A Lamport clock (kombu/clocks.py): orders what happens on many machines. One for each application. */
export class LamportClock {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** For something that happens here. */
  forward(): number {
    return ++this.#value;
  }

  /** For something heard of: the clock goes on after the later of the two. What is no number changes nothing. */
  adjust(other: unknown): number {
    if (typeof other === "number" && Number.isSafeInteger(other) && other > this.#value) this.#value = other;
    return ++this.#value;
  }
}
