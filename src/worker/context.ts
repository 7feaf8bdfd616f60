import { MaxRetriesExceededError, Retry } from "../errors.js";
import type { RetryOptions, TaskContext } from "../client/task-context.js";
import type { Logger } from "../util/logger.js";
import { now } from "../util/time.js";
import type { Request } from "./request.js";

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

export function taskContext(request: Request, host: ContextHost, signal: AbortSignal): TaskContext {
  const { task, definition } = request;
  return {
    id: task.id,
    name: task.task,
    retries: task.retries,
    request: request.info(host.hostname),
    logger: withFields(host.logger, { taskId: task.id, task: task.task }),
    signal,
    updateState: (state, meta = null) => host.storeState(request, state, meta),
    retry(options: RetryOptions = {}): Retry {
      const max = firstGiven(options.maxRetries, definition.options.maxRetries, DEFAULT_MAX_RETRIES);
      if (max !== null && task.retries >= max) {
        const last: unknown = options.cause ?? maxRetriesExceeded(request);
        throw last;
      }
      const delay = options.countdown ?? definition.options.defaultRetryDelay ?? DEFAULT_RETRY_DELAY;
      throw new RetryRequest("Retry", options.eta?.getTime() ?? now() + delay * 1000, options);
    },
  };
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
