import { isError } from "../../util/is-error.js";

/** Tells one run to stop. The signal is made when somebody looks at it: most tasks never do, and it is not cheap. */
export class Stop {
  #controller: AbortController | undefined;
  #reason: unknown;
  #stopped = false;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#stopped) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** What a handler threw, or why it was told to stop: an aborted fetch or timer says less than the reason. */
  explain(error: unknown): unknown {
    return this.#stopped && isAbortError(error) ? this.#reason : error;
  }
}

function isAbortError(error: unknown): boolean {
  try {
    return isError(error) && error.name === "AbortError";
  } catch {
    return false; // a getter of it threw
  }
}
