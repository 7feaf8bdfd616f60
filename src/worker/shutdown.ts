import { inspect } from "node:util";
import { ImproperlyConfigured } from "../errors.js";
import { deferred } from "../util/deferred.js";
import { type Timer, after } from "../util/time.js";

/** How a worker stops: lets running tasks end, stops them, or does not even wait for that. */
export type ShutdownHow = "warm" | "cold" | "hard";

export interface ShutdownOptions {
  /**
   * `"warm"` (default): running tasks end. `"cold"`: running tasks are stopped, after `workerSoftShutdownTimeout` seconds
   * if that is set; those that acknowledge late go back to the queue, the others are marked RETRY. `"hard"`: nothing is
   * waited for, and nothing recorded.
   */
  how?: ShutdownHow;
  /**
   * Seconds after which a warm shutdown becomes cold, without the wait of `workerSoftShutdownTimeout`. For a deadline
   * such as that of Kubernetes: leave a few seconds for the cold one. Default: no limit.
   */
  timeout?: number;
}

/** How far a shutdown has been asked to go. It only ever goes further. */
export class Ladder {
  readonly #asked = { warm: deferred(), cold: deferred(), again: deferred(), hard: deferred() };
  #timer: Timer | undefined;
  #cold = 0;
  #over = false;

  /** Each of them resolves when the shutdown was asked to go at least that far. */
  get warm(): Promise<void> {
    return this.#asked.warm.promise;
  }
  get cold(): Promise<void> {
    return this.#asked.cold.promise;
  }
  /** Cold, without the wait before it. */
  get again(): Promise<void> {
    return this.#asked.again.promise;
  }
  get hard(): Promise<void> {
    return this.#asked.hard.promise;
  }

  /** Asks for a step. Asking for a cold one again skips its wait, once more makes it hard. Throws `ImproperlyConfigured`. */
  ask({ how = "warm", timeout }: ShutdownOptions): void {
    check(how, timeout);
    this.#asked.warm.resolve();
    if (how === "cold") this.#cold++;
    if (how === "hard" || this.#cold > 2) this.#cold = 3;
    if (this.#cold >= 1) this.#asked.cold.resolve();
    if (this.#cold >= 2) this.#asked.again.resolve();
    if (this.#cold >= 3) this.#asked.hard.resolve();
    if (timeout === undefined || this.#over) return;
    this.#timer?.cancel();
    this.#timer = after(timeout * 1000, () => {
      this.#asked.cold.resolve();
      this.#asked.again.resolve();
    });
  }

  /** The shutdown is over. */
  end(): void {
    this.#over = true;
    this.#timer?.cancel();
  }
}

function check(how: unknown, timeout: unknown): void {
  if (how !== "warm" && how !== "cold" && how !== "hard")
    throw new ImproperlyConfigured(`a shutdown is "warm", "cold" or "hard", not ${JSON.stringify(how)}`);
  if (timeout !== undefined && !(typeof timeout === "number" && timeout >= 0))
    throw new ImproperlyConfigured(`the timeout of a shutdown is ${inspect(timeout)}; expected seconds, 0 or more`);
}
