/**
 * Every error class of the library. `retriable` says whether the same call may succeed when it is made again;
 * the one retry policy of the project reads nothing else. `cause` is always kept.
 */
export class CeleryError extends Error {
  /** Whether the same operation may succeed later without any change by the caller. */
  readonly retriable: boolean = false;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The program is configured wrongly: an unknown setting, a missing package, a URL that cannot be used. */
export class ImproperlyConfigured extends CeleryError {}

/** The broker or the result store could not be reached or refused the operation. The text names it with its password masked. */
export class OperationalError extends CeleryError {
  override readonly retriable: boolean;
  constructor(message: string, options?: ErrorOptions & { retriable?: boolean }) {
    super(message, options);
    this.retriable = options?.retriable ?? true;
  }
}

/** A message was accepted by no queue (unroutable), or the broker refused to take it. */
export class PublishError extends CeleryError {}

/** A queue or exchange exists with other properties than the declared ones; the text names the difference. */
export class DeclarationMismatch extends CeleryError {}

/** The named queue is not configured and `taskCreateMissingQueues` is off. */
export class QueueNotFound extends CeleryError {}

/** A value cannot be written by the chosen serializer or compression. */
export class EncodeError extends CeleryError {}

/** Bytes could not be read: malformed, truncated, or beyond a stated limit. */
export class DecodeError extends CeleryError {}

/** The content type of a message or result is not in the accept list. */
export class ContentDisallowed extends DecodeError {}

/** A message could be read and is no task: `field` says where, `taskId` is known when its id could be read. */
export class InvalidTaskError extends DecodeError {
  readonly field: string;
  readonly taskId: string | null;
  constructor(
    message: string,
    info: { readonly field: string; readonly taskId?: string | null },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.field = info.field;
    this.taskId = info.taskId ?? null;
  }
}

/** The arguments of a task do not pass its schema; the text names each of the reasons. */
export class InvalidArguments extends CeleryError {
  /** One sentence for each thing that is wrong. */
  readonly issues: readonly string[];
  constructor(task: string, issues: readonly string[]) {
    super(`the arguments of ${task} do not pass its schema: ${issues.join("; ")}`);
    this.issues = issues;
  }
}

/** Waiting ended before the result arrived; the task itself is not cancelled. */
export class TimeoutError extends CeleryError {}

/** The chosen driver does not have the asked-for feature (see its `capabilities`). */
export class NotSupported extends CeleryError {}

/** What is known of a task that failed elsewhere. */
export interface TaskErrorInfo {
  /** Exception class name as Python wrote it (`exc_type`). */
  readonly type: string;
  /** Module of the class (`exc_module`), or null when the writer gave none. */
  readonly module: string | null;
  /** Constructor arguments (`exc_message`). */
  readonly args: readonly unknown[];
  /** Traceback text of the worker, or null. */
  readonly traceback?: string | null;
  readonly taskId?: string | null;
}

/** A task failed in a worker. `message` is what Python's `str(exc)` gives; `traceback` is the worker's own text. */
export class TaskError extends CeleryError {
  readonly type: string;
  readonly module: string | null;
  readonly args: readonly unknown[];
  readonly traceback: string | null;
  readonly taskId: string | null;
  constructor(message: string, info: TaskErrorInfo, options?: ErrorOptions) {
    super(message, options);
    this.type = info.type;
    this.module = info.module;
    this.args = info.args;
    this.traceback = info.traceback ?? null;
    this.taskId = info.taskId ?? null;
  }
}

/** No worker task has this name. */
export class NotRegistered extends TaskError {}
/** The task was revoked, expired or terminated before it finished. */
export class TaskRevokedError extends TaskError {}
/** A member of a chord's header failed. */
export class ChordError extends TaskError {}
/** The task asked for more retries than it may have. */
export class MaxRetriesExceededError extends TaskError {}
/** The task was stopped by its hard time limit. */
export class TimeLimitExceeded extends TaskError {}
/** The task's soft time limit passed. */
export class SoftTimeLimitExceeded extends TaskError {}
/** The process or thread that ran the task ended. */
export class WorkerLostError extends TaskError {}

/** Thrown by a handler (through `self.retry()`): run this task again later. */
export class Retry extends CeleryError {
  /** Seconds from now, or the moment, of the next attempt. */
  readonly when: number | Date | null;
  constructor(message: string, options?: ErrorOptions & { when?: number | Date | null }) {
    super(message, options);
    this.when = options?.when ?? null;
  }
}

/** Thrown by a handler: acknowledge, store nothing. */
export class Ignore extends CeleryError {
  constructor(message = "ignored", options?: ErrorOptions) {
    super(message, options);
  }
}

/** Thrown by a handler that acknowledges late: reject the message, back to the queue with `requeue`. */
export class Reject extends CeleryError {
  readonly requeue: boolean;
  constructor(message = "rejected", options?: ErrorOptions & { requeue?: boolean }) {
    super(message, options);
    this.requeue = options?.requeue ?? false;
  }
}
