import type { Ignore, Retry } from "../errors.js";
import type { TaskRequest } from "../protocol/task-message.js";
import type { Logger } from "../util/logger.js";
import type { DeliveryInfo } from "../brokers/broker.js";
import type { AnySignature } from "./types.js";

/** What the worker knows of the message (Celery's `self.request`). */
export interface RequestInfo extends Omit<TaskRequest, "timeLimit"> {
  /** Seconds; what the message says. Null where it leaves that to the task. */
  readonly timeLimit: number | null;
  readonly softTimeLimit: number | null;
  /** Whether it runs where it was called, without a worker. */
  readonly isEager: boolean;
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
  /**
   * Other arguments. Where only one of the two is given, a value that was passed the other way is replaced by it
   * (`params` say which).
   */
  args?: readonly unknown[];
  kwargs?: Readonly<Record<string, unknown>>;
  /** What the next attempt's message has otherwise; left out, it is as this one's. */
  queue?: string;
  exchange?: string;
  routingKey?: string;
  priority?: number;
  serializer?: string;
  compression?: string;
  expires?: number | Date;
  timeLimit?: number;
  softTimeLimit?: number;
  headers?: Readonly<Record<string, unknown>>;
  shadow?: string;
  ignoreResult?: boolean;
}

/** Celery's `self` for a bound task. */
export interface TaskContext {
  readonly id: string;
  readonly name: string;
  readonly retries: number;
  readonly request: RequestInfo;
  readonly logger: Logger;
  /** Aborts at the soft and the hard time limit, when the task is terminated, and in a cold shutdown; its reason says which. */
  readonly signal: AbortSignal;
  /**
   * Runs the task again later: always throws, and never really returns. Write `throw self.retry(...)`, as in Celery, so
   * that the compiler sees the end of the flow. Throws `cause`, or `MaxRetriesExceededError` without one, when no retries are left.
   */
  retry(options?: RetryOptions): Retry;
  /**
   * Has another task take this one's place: it gets this id, and what follows this task follows that one. Always throws;
   * write `throw self.replace(...)`.
   */
  replace(signature: AnySignature): Ignore;
  /** Stores a state of the task's own, for whoever watches its result: `await self.updateState("PROGRESS", { done: 3 })`. */
  updateState(state: string, meta?: unknown): Promise<void>;
}
