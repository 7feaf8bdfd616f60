import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { State } from "../protocol/result.js";
import type { SignatureDocument } from "../protocol/signature.js";
import type { RetryPolicy } from "./retry-policy.js";

declare const io: unique symbol;

/** Anything that carries "arguments in, result out": a task or a signature. */
export interface Callable {
  readonly [io]?: (input: never) => unknown;
}

export type AnyFunction = (...args: never[]) => unknown;

/** Arguments of a handler, a task or a signature. */
export type ArgsOf<F> = F extends (...args: infer A) => unknown
  ? A
  : F extends { readonly [io]?: (input: infer I) => unknown }
    ? I extends unknown[]
      ? I
      : never
    : never;

/** Result of a handler, a task or a signature. */
export type ResultOf<F> = F extends (...args: never[]) => infer R
  ? Awaited<R>
  : F extends { readonly [io]?: (input: never) => infer O }
    ? O
    : never;

/** Every suffix of an argument list: what `s()` may fill in (Celery puts the parent's result in front). */
export type Tail<A extends unknown[]> = number extends A["length"]
  ? A
  : A extends [unknown, ...infer T]
    ? A | Tail<T>
    : [];

/** What is left of A once P has filled its end. */
type Lead<A extends unknown[], P extends unknown[]> = number extends A["length"]
  ? unknown[]
  : P extends [unknown, ...infer T]
    ? A extends [...infer H, unknown]
      ? Lead<H, T>
      : never
    : A;

/** A without its optional arguments. */
type Needed<A extends unknown[]> = A extends [infer H, ...infer T] ? [H, ...Needed<T>] : [];

/** The arguments still open after a partial. */
export type Open<A extends unknown[], P extends unknown[]> = Lead<Required<A>, P> | Lead<Needed<A>, P>;

/** Options of one call (userguide/calling). Names and units are Celery's: durations are seconds. */
export interface CallOptions {
  /** Any text that is not empty. Default: a new UUID. */
  taskId?: string;
  kwargs?: Readonly<Record<string, unknown>>;
  /** Seconds until the task may start. */
  countdown?: number;
  /** The moment at which the task may start; wins over `countdown`. */
  eta?: Date;
  /** Seconds, or the moment, after which the task is not run any more. */
  expires?: number | Date;
  queue?: string;
  exchange?: string;
  routingKey?: string;
  /** 0 to 255. Which end is served first is the broker's: RabbitMQ the highest, Redis the lowest. */
  priority?: number;
  serializer?: string;
  compression?: string;
  /** Custom headers; the worker's task sees them in `request.headers`. */
  headers?: Readonly<Record<string, unknown>>;
  /** Seconds after which the worker stops the task. */
  timeLimit?: number;
  /** Seconds after which the task is told to stop; not above `timeLimit`. */
  softTimeLimit?: number;
  ignoreResult?: boolean;
  /** A name for logs and monitors instead of the task's. */
  shadow?: string;
  /** Run with the result when the task succeeds. */
  link?: AnySignature | readonly AnySignature[];
  /** Run with the task's id when it fails. */
  linkError?: AnySignature | readonly AnySignature[];
  /** Stamps: headers that travel on to the tasks this one causes. */
  stamps?: Readonly<Record<string, unknown>>;
  /** Message properties that only some transports carry (SQS's MessageGroupId, ...), by their wire names. */
  properties?: Readonly<Record<string, unknown>>;
  /** Whether to try again when the broker cannot be reached. Default: `taskPublishRetry`. */
  retry?: boolean;
  retryPolicy?: RetryPolicy;
  /** Stops waiting for the broker; a message already accepted stays sent. */
  signal?: AbortSignal;
}

/** A signature of whatever arguments and result. */
export type AnySignature = Signature<never, unknown>;
/** A task of whatever arguments and result. */
export type AnyTask = Task<never, unknown>;

/** A task of the application: what can be called, and composed. */
export interface Task<A extends unknown[] = unknown[], R = unknown> extends Callable {
  readonly [io]?: (input: A) => R;
  readonly name: string;
  /** Sends the task. `await` means that the broker has it; `.get()` goes on to the value. */
  delay(...args: A): ResultPromise<R>;
  applyAsync(args: A, options?: CallOptions): ResultPromise<R>;
  s(): Signature<A, R>;
  s<P extends Tail<Required<A>>>(...partial: P): Signature<Open<A, P>, R>;
  /** Immutable: takes nothing from the task before it. */
  si(...args: A): Signature<unknown[], R>;
}

/** A call written down (userguide/canvas): a task with arguments and options, to be sent, linked or passed on. */
export interface Signature<I extends unknown[] = unknown[], O = unknown> extends Callable {
  readonly [io]?: (input: I) => O;
  readonly task: string;
  /** Adds options. */
  set(options: CallOptions): this;
  /** Run with the result when this succeeds. */
  link(callback: Signature<[O], unknown> | Signature<unknown[], unknown>): this;
  /** Run with the id when this fails. */
  linkError(errback: AnySignature): this;
  delay(...args: I): ResultPromise<O>;
  applyAsync(args: I, options?: CallOptions): ResultPromise<O>;
  /** The document that travels. */
  toJSON(): SignatureDocument;
}

export interface GetOptions {
  /** Seconds; 0 or left out means no limit, as in Celery. */
  timeout?: number;
  signal?: AbortSignal;
  /** Whether a failed task rejects (default), or its error is the value. */
  propagate?: boolean;
}

/** One state of a task. */
export interface TaskMeta {
  readonly id: string;
  readonly state: State;
  /** The value on SUCCESS, a `TaskError` on FAILURE, RETRY and REVOKED, else what the task reported. */
  readonly result: unknown;
  readonly traceback: string | null;
  readonly dateDone: Date | null;
  /** With `resultExtended` on the worker's side. */
  readonly name?: string | null;
  readonly args?: unknown;
  readonly kwargs?: unknown;
  readonly worker?: string | null;
  readonly retries?: number | null;
  readonly queue?: string | null;
}

/** The handle of a task's result. It is not a promise: awaiting it gives the handle. */
export interface AsyncResult<R = unknown> {
  readonly id: string;
  /**
   * The task's value. Rejects with `TaskError` when it failed, `TimeoutError` after `timeout`, the signal's reason when
   * it aborts. A task sent with `ignoreResult` gives null at once, as in Celery.
   */
  get(options?: GetOptions): Promise<R>;
  state(): Promise<State>;
  meta(): Promise<TaskMeta>;
  /** Each state as it is seen, up to and including the final one. */
  updates(options?: { signal?: AbortSignal }): AsyncIterable<TaskMeta>;
  /** Results of the tasks that this task sent. */
  children(): Promise<AsyncResult[]>;
  /** Tells all workers not to run it; with `terminate` also to stop it if it runs. */
  revoke(options?: { terminate?: boolean; signal?: string }): Promise<void>;
  /** Removes the result from the store. */
  forget(): Promise<void>;
}

/** Resolves when the broker has the message; `.get()` goes on to the task's value. */
export interface ResultPromise<R = unknown> extends Promise<AsyncResult<R>> {
  readonly id: string;
  get(options?: GetOptions): Promise<R>;
}

/** What callers of a task with a schema give, and what its handler gets. */
export type SchemaInput<S extends StandardSchemaV1> =
  StandardSchemaV1.InferInput<S> extends infer A extends unknown[] ? A : unknown[];
export type SchemaOutput<S extends StandardSchemaV1> =
  StandardSchemaV1.InferOutput<S> extends infer A extends unknown[] ? A : never;

export type ErrorClass = abstract new (...args: never[]) => Error;

/** Options of a task that this program runs. Left out ones come from the configuration. */
export interface TaskOptions<A extends unknown[] = unknown[]> {
  /** Whether the handler gets the task context first. Default false. */
  bind?: boolean;
  /** Names for the arguments, in order: lets Python callers pass them as keywords. */
  params?: { [K in keyof A]: string };
  queue?: string;
  exchange?: string;
  routingKey?: string;
  priority?: number;
  serializer?: string;
  compression?: string;
  /** Retries before `MaxRetriesExceededError`; null for no limit. Default 3. */
  maxRetries?: number | null;
  /** Seconds until a retry. Default 180. */
  defaultRetryDelay?: number;
  /**
   * Errors after which the task is tried again by itself, as `self.retry` would (userguide/tasks, "Automatic retry for
   * known exceptions"), and those among them after which it is not.
   */
  autoretryFor?: readonly ErrorClass[];
  dontAutoretryFor?: readonly ErrorClass[];
  /** Wait longer before each automatic retry: true for 1, 2, 4, ... seconds, or the factor. Default false: `defaultRetryDelay`. */
  retryBackoff?: boolean | number;
  /** Longest such wait in seconds. Default 600. */
  retryBackoffMax?: number;
  /** Any time between 0 and the wait, so that not all come back at once. Default true. */
  retryJitter?: boolean;
  /** Errors that are part of the task's work: they are logged as information. Results are the same. */
  throws?: readonly ErrorClass[];
  /**
   * Checks the list of arguments before the handler is called (keywords already in their places), and may change it: any
   * library of standardschema.dev. Arguments that do not pass are a failure that is not retried.
   */
  schema?: StandardSchemaV1<unknown, A>;
  /** Runs of this task per worker: `"10/s"`, `"100/m"`, `"5/h"`, or a number for runs a second. */
  rateLimit?: string | number | null;
  /** Acknowledge after the task has run. */
  acksLate?: boolean;
  acksOnFailureOrTimeout?: boolean;
  /** The two halves of it, where they differ (Celery 5.7). */
  acksOnFailure?: boolean;
  acksOnTimeout?: boolean;
  /** With `acksLate`: back to the queue when the thread that ran it dies, instead of failing. */
  rejectOnWorkerLost?: boolean;
  /** Tried again when the thread that ran it dies, as often as `maxRetries` allows (Celery 5.7). */
  retryOnWorkerLost?: boolean;
  /** Whether monitors are told of this task. Default true. */
  sendEvents?: boolean;
  /** Whether results name the tasks that this one sent (`children`). Default true. */
  trail?: boolean;
  /** Seconds, or the moment, after which a call of it is not run any more. */
  expires?: number | Date;
  ignoreResult?: boolean;
  storeErrorsEvenIfIgnored?: boolean;
  trackStarted?: boolean;
  /** Seconds. */
  timeLimit?: number;
  softTimeLimit?: number;
}
