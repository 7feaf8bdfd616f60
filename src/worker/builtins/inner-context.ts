import type { RequestInfo, RetryOptions, TaskContext } from "../../client/task-context.js";
import { type Ignore, NotSupported, type Retry } from "../../errors.js";
import type { Logger } from "../../util/logger.js";

/**
 * `self` of a bound task that is called from within another one. Everything but its name and arguments is the other
 * one's: it has no message of its own. It cannot be tried again alone: as in Python a retry throws its cause.
 */
export class InnerContext implements TaskContext {
  readonly name: string;
  readonly retries = 0;
  readonly #outer: TaskContext;
  readonly #args: readonly unknown[];

  constructor(outer: TaskContext, name: string, args: readonly unknown[]) {
    this.#outer = outer;
    this.name = name;
    this.#args = args;
  }

  get id(): string {
    return this.#outer.id;
  }
  get request(): RequestInfo {
    return { ...this.#outer.request, task: this.name, args: this.#args, kwargs: {}, retries: 0 };
  }
  get logger(): Logger {
    return this.#outer.logger;
  }
  get signal(): AbortSignal {
    return this.#outer.signal;
  }

  updateState(state: string, meta?: unknown): Promise<void> {
    return this.#outer.updateState(state, meta);
  }

  retry({ cause }: RetryOptions = {}): Retry {
    const last: unknown = cause ?? this.#refusal("be tried again");
    throw last;
  }

  replace(): Ignore {
    throw this.#refusal("be replaced");
  }

  #refusal(what: string): NotSupported {
    return new NotSupported(`${this.name} cannot ${what} alone: ${this.#outer.name} calls it once for each item`);
  }
}
