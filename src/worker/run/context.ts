import type { DefinedOptions } from "../../client/task.js";
import type { RequestInfo, RetryOptions, TaskContext } from "../../client/task-context.js";
import type { AnySignature } from "../../client/types.js";
import { Ignore, ImproperlyConfigured, MaxRetriesExceededError, Retry } from "../../errors.js";
import type { SignatureDocument } from "../../protocol/signature.js";
import type { TaskRequest } from "../../protocol/task-message.js";
import type { Logger } from "../../util/logger.js";
import { now } from "../../util/time.js";
import type { RetryPlan } from "./outcome.js";
import { type RunRequest, requestInfo } from "./run-request.js";
import type { Stop } from "./stop.js";

/** What `self.retry()` throws. */
export class RetryRequest extends Retry {
  readonly plan: RetryPlan;
  constructor(plan: RetryPlan) {
    super("Retry", { cause: plan.cause, when: plan.when });
    this.name = "Retry";
    this.plan = plan;
  }
}

/** What `self.replace()` throws. */
export class ReplaceRequest extends Ignore {
  readonly signature: SignatureDocument;
  constructor(signature: SignatureDocument) {
    super(`replaced by ${signature.task}`);
    this.name = "Ignore";
    this.signature = signature;
  }
}

const DEFAULT_MAX_RETRIES = 3;
const DEFAULT_RETRY_DELAY = 180;

/** What a task context needs of the worker. */
export interface ContextHost {
  readonly hostname: string;
  readonly logger: Logger;
  storeState(state: string, meta: unknown): Promise<void>;
}

/** `self` of a bound task. What few tasks look at is made when they do. */
export class WorkerTaskContext implements TaskContext {
  readonly task: TaskRequest;
  readonly #request: RunRequest;
  readonly #options: Readonly<DefinedOptions>;
  readonly #stop: Stop;
  readonly #host: ContextHost;
  #info: RequestInfo | undefined;
  #logger: Logger | undefined;

  constructor(request: RunRequest, options: Readonly<DefinedOptions>, stop: Stop, host: ContextHost) {
    this.task = request.task;
    this.#request = request;
    this.#options = options;
    this.#stop = stop;
    this.#host = host;
  }

  get id(): string {
    return this.task.id;
  }

  get name(): string {
    return this.task.task;
  }

  get retries(): number {
    return this.task.retries;
  }

  get request(): RequestInfo {
    return (this.#info ??= requestInfo(this.#request, this.#host.hostname));
  }

  get logger(): Logger {
    return (this.#logger ??= withFields(this.#host.logger, { taskId: this.id, task: this.name }));
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  updateState(state: string, meta: unknown = null): Promise<void> {
    return this.#host.storeState(state, meta);
  }

  retry(options: RetryOptions = {}): Retry {
    const { maxRetries, defaultRetryDelay } = this.#options;
    const { countdown, eta: moment, maxRetries: most, cause, ...changes } = options;
    const max = firstGiven(most, maxRetries, DEFAULT_MAX_RETRIES);
    if (max !== null && this.retries >= max) {
      const last: unknown = cause ?? maxRetriesExceeded(this.task);
      throw last;
    }
    const when = moment ?? countdown ?? defaultRetryDelay ?? DEFAULT_RETRY_DELAY;
    const eta = when instanceof Date ? when.getTime() : now() + when * 1000;
    if (!Number.isFinite(eta))
      throw new ImproperlyConfigured(
        `the next attempt of ${this.name} has no time: ${moment ? "eta is not a valid Date" : `countdown is ${String(when)}`}`,
        { cause },
      );
    throw new RetryRequest({ kind: "retry", eta, when, changes, cause });
  }

  replace(signature: AnySignature): Ignore {
    throw new ReplaceRequest(signature.toJSON());
  }
}

/** The first that is not left out; null, "no limit", counts as given. */
const firstGiven = (...values: readonly (number | null | undefined)[]): number | null =>
  values.find((value) => value !== undefined) ?? null;

function maxRetriesExceeded(task: TaskRequest): MaxRetriesExceededError {
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
