import type { DefinedOptions } from "../../client/task.js";
import type { RequestInfo, RetryOptions, TaskContext } from "../../client/task-context.js";
import type { AnySignature } from "../../client/types.js";
import { Ignore, ImproperlyConfigured, MaxRetriesExceededError, NotSupported, Retry } from "../../errors.js";
import { exactRepr, tupleRepr } from "../../protocol/python-text.js";
import type { SignatureDocument } from "../../protocol/signature.js";
import type { TaskRequest } from "../../protocol/task-message.js";
import type { Logger } from "../../util/logger.js";
import { now } from "../../util/time.js";
import type { RetryPlan } from "./outcome.js";
import { type Arguments, retryArguments } from "./retry-arguments.js";
import { checkRetryOptions } from "./retry-options.js";
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
  #mostRetries: number | null | undefined;
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

  /** What the handler asked of `retry` in this run, which automatic retries keep to; undefined when it did not. */
  get mostRetries(): number | null | undefined {
    return this.#mostRetries;
  }

  updateState(state: string, meta: unknown = null): Promise<void> {
    const stored = this.#report(state, meta);
    // A handler need not wait for it: what nobody awaits is said here, and ends no process.
    stored.catch((error: unknown) => this.logger.warn("a state could not be stored", { state, error }));
    return stored;
  }

  async #report(state: string, meta: unknown): Promise<void> {
    if (typeof state !== "string" || state === "")
      throw new ImproperlyConfigured(`a state is ${JSON.stringify(state)}; expected a text that is not empty`);
    await this.#host.storeState(state, meta);
  }

  retry(options: RetryOptions = {}): Retry {
    checkRetryOptions(options);
    const { maxRetries, defaultRetryDelay, params } = this.#options;
    const { countdown, eta: moment, maxRetries: asked, cause: why, ...changes } = options;
    if (asked !== undefined) this.#mostRetries = asked;
    const cause: unknown = why ?? undefined;
    const max = firstGiven(asked, maxRetries, DEFAULT_MAX_RETRIES);
    if (max !== null && this.retries >= max) {
      const last: unknown = cause ?? maxRetriesExceeded(this.task, retryArguments(params, this.task, changes));
      throw last;
    }
    const when = moment ?? countdown ?? defaultRetryDelay ?? DEFAULT_RETRY_DELAY;
    const eta = when instanceof Date ? when.getTime() : now() + when * 1000;
    throw new RetryRequest({ kind: "retry", eta, when, changes, cause });
  }

  replace(signature: AnySignature): Ignore {
    throw new ReplaceRequest(replacement(signature, this.name));
  }
}

function replacement(signature: AnySignature, name: string): SignatureDocument {
  if (typeof (signature as Partial<AnySignature> | null)?.toJSON !== "function")
    throw new ImproperlyConfigured(`${name} is replaced by something that is no signature; give task.s(...)`);
  const document = signature.toJSON();
  if (document.subtask_type !== null)
    throw new NotSupported(`a task can be replaced by another task, not by a ${document.subtask_type} yet`);
  if (document.options.chord)
    throw new ImproperlyConfigured("a signature that replaces a task must not be part of a chord");
  return document;
}

/** The first that is not left out; null, "no limit", counts as given. */
const firstGiven = (...values: readonly (number | null | undefined)[]): number | null =>
  values.find((value) => value !== undefined) ?? null;

function maxRetriesExceeded(task: TaskRequest, { args, kwargs }: Arguments): MaxRetriesExceededError {
  const text = `Can't retry ${task.task}[${task.id}] args:${tupleRepr(args)} kwargs:${exactRepr(kwargs)}`;
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
