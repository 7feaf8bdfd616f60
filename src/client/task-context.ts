import type { Retry } from "../errors.js";
import type { TaskRequest } from "../protocol/task-message.js";
import type { Logger } from "../util/logger.js";
import type { DeliveryInfo } from "../brokers/broker.js";

/** What the worker knows of the message (Celery's `self.request`). */
export interface RequestInfo extends TaskRequest {
  readonly deliveryInfo: DeliveryInfo;
  /** Node name of the worker. */
  readonly hostname: string;
}

export interface RetryOptions {
  /** Seconds. Default: the task's `defaultRetryDelay`. */
  countdown?: number;
  eta?: Date;
  /** Overrides the task's own; null for no limit. */
  maxRetries?: number | null;
  /** Why: thrown when no retries are left, and stored with the RETRY state. */
  cause?: unknown;
  args?: readonly unknown[];
  kwargs?: Readonly<Record<string, unknown>>;
}

/** Celery's `self` for a bound task. */
export interface TaskContext {
  readonly id: string;
  readonly name: string;
  readonly retries: number;
  readonly request: RequestInfo;
  readonly logger: Logger;
  /** Aborts at the soft and the hard time limit, and on forced shutdown; its reason says which. */
  readonly signal: AbortSignal;
  /**
   * Runs the task again later: always throws, and never really returns. Write `throw self.retry(...)`, as in Celery, so
   * that the compiler sees the end of the flow. Throws `cause`, or `MaxRetriesExceededError` without one, when no retries are left.
   */
  retry(options?: RetryOptions): Retry;
  /** Stores a state of the task's own, for whoever watches its result: `await self.updateState("PROGRESS", { done: 3 })`. */
  updateState(state: string, meta?: unknown): Promise<void>;
}
