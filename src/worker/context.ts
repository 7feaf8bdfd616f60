import { ImproperlyConfigured, MaxRetriesExceededError, Retry } from "../errors.js";
import type { RequestInfo, RetryOptions, TaskContext } from "../client/task-context.js";
import type { Logger } from "../util/logger.js";
import { now } from "../util/time.js";
import type { Request } from "./request.js";
import type { Stop } from "./stop.js";

/** What `self.retry()` throws: carries what the next attempt differs in. */
export class RetryRequest extends Retry {
  readonly eta: number;
  readonly changes: Pick<RetryOptions, "args" | "kwargs">;
  constructor(message: string, eta: number, options: RetryOptions) {
    super(message, { cause: options.cause, when: new Date(eta) });
    this.name = "Retry";
    this.eta = eta;
    this.changes = options;
  }
}

const DEFAULT_MAX_RETRIES = 3;
const DEFAULT_RETRY_DELAY = 180;

/** What a task context needs of the worker. */
export interface ContextHost {
  readonly hostname: string;
  readonly logger: Logger;
  storeState(request: Request, state: string, meta: unknown): Promise<void>;
}

/** `self` of a bound task. What few tasks look at is made when they do. */
export class WorkerTaskContext implements TaskContext {
  readonly id: string;
  readonly name: string;
  readonly retries: number;
  readonly #request: Request;
  readonly #host: ContextHost;
  readonly #stop: Stop;
  #info: RequestInfo | undefined;
  #logger: Logger | undefined;

  constructor(request: Request, host: ContextHost, stop: Stop) {
    this.id = request.id;
    this.name = request.name;
    this.retries = request.task.retries;
    this.#request = request;
    this.#host = host;
    this.#stop = stop;
  }

  get request(): RequestInfo {
    return (this.#info ??= this.#request.info(this.#host.hostname));
  }

  get logger(): Logger {
    return (this.#logger ??= withFields(this.#host.logger, { taskId: this.id, task: this.name }));
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  updateState(state: string, meta: unknown = null): Promise<void> {
    return this.#host.storeState(this.#request, state, meta);
  }

  retry(options: RetryOptions = {}): Retry {
    const { maxRetries, defaultRetryDelay } = this.#request.definition.options;
    const max = firstGiven(options.maxRetries, maxRetries, DEFAULT_MAX_RETRIES);
    if (max !== null && this.retries >= max) {
      const last: unknown = options.cause ?? maxRetriesExceeded(this.#request);
      throw last;
    }
    const delay = options.countdown ?? defaultRetryDelay ?? DEFAULT_RETRY_DELAY;
    const eta = options.eta?.getTime() ?? now() + delay * 1000;
    if (!Number.isFinite(eta))
      throw new ImproperlyConfigured(
        `the next attempt of ${this.name} has no time: ${options.eta ? "eta is not a valid Date" : `countdown is ${delay}`}`,
        { cause: options.cause },
      );
    throw new RetryRequest("Retry", eta, options);
  }
}

/** The first that is not left out; null, "no limit", counts as given. */
const firstGiven = (...values: readonly (number | null | undefined)[]): number | null =>
  values.find((value) => value !== undefined) ?? null;

function maxRetriesExceeded({ task }: Request): MaxRetriesExceededError {
  const text = `Can't retry ${task.task}[${task.id}] args:${task.argsrepr} kwargs:${task.kwargsrepr}`;
  return new MaxRetriesExceededError(text, {
    type: "MaxRetriesExceededError",
    module: "celery.exceptions",
    args: [text],
    taskId: task.id,
  });
}

function withFields(logger: Logger, own: object): Logger {
  return {
    debug: (message, fields) => logger.debug(message, { ...own, ...fields }),
    info: (message, fields) => logger.info(message, { ...own, ...fields }),
    warn: (message, fields) => logger.warn(message, { ...own, ...fields }),
    error: (message, fields) => logger.error(message, { ...own, ...fields }),
  };
}
