import { after } from "../../util/time.js";

/** A bell for one waiter: rung while nobody waits, it is remembered; a failure is remembered too. */
export class Wake {
  #rung = false;
  #error: Error | undefined;
  #waiter: { resolve(): void; reject(error: Error): void } | undefined;

  ring(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) waiter.resolve();
    else this.#rung = true;
  }

  fail(error: Error): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) waiter.reject(error);
    else this.#error = error;
  }

  /** Forgets what was rung before (a failure stays). */
  reset(): void {
    this.#rung = false;
  }

  /** Forgets a failure as well: a new connection begins. */
  clear(): void {
    this.#rung = false;
    this.#error = undefined;
  }

  /** Until rung, or so many milliseconds; rejects when it failed. */
  wait(milliseconds = Infinity): Promise<void> {
    const error = this.#error;
    if (error) {
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    return new Promise<void>((resolve, reject) => {
      const timer = after(milliseconds, () => {
        this.#waiter = undefined;
        resolve();
      });
      this.#waiter = {
        resolve: () => {
          timer.cancel();
          resolve();
        },
        reject: (reason) => {
          timer.cancel();
          reject(reason);
        },
      };
    });
  }
}
