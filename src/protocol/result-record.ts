/** Result documents: what a worker stores and a client reads (celery/backends/base.py, celery/result.py). */

/** The documented states, or any custom upper-case word. */
export type State =
  | "PENDING"
  | "RECEIVED"
  | "STARTED"
  | "SUCCESS"
  | "FAILURE"
  | "RETRY"
  | "REVOKED"
  | "REJECTED"
  | "IGNORED"
  | (string & Record<never, never>);

/** An exception as it travels in JSON. */
export interface ExceptionDocument {
  readonly exc_type: string;
  readonly exc_message: unknown;
  readonly exc_module: string | null;
}

/** A result object's ids: a task has `children: null`, a group lists its members. */
export interface ResultNode {
  readonly id: string;
  readonly parent: ResultNode | null;
  readonly children: readonly ResultNode[] | null;
}

/** One state of one task. */
export interface ResultRecord {
  readonly taskId: string;
  readonly status: State;
  /** The value for SUCCESS, an `ExceptionDocument` or null for FAILURE, RETRY and REVOKED, else whatever meta was given. */
  readonly result: unknown;
  readonly traceback: string | null;
  /** Results of tasks that this one sent; null when stored without a request. */
  readonly children: readonly ResultNode[] | null;
  /** ISO text; null unless the state is final. */
  readonly dateDone: string | null;
  readonly groupId?: string | null;
  readonly parentId?: string | null;
  /** Only with `result_extended`. */
  readonly extended?: ExtendedResult;
}

/** The additional fields of `result_extended=True`. */
export interface ExtendedResult {
  readonly name: string | null;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly worker: string | null;
  readonly retries: number | null;
  readonly queue: string | null;
  readonly stampedHeaders?: readonly string[] | null;
  readonly stamps?: Readonly<Record<string, unknown>>;
}

const READY: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "REVOKED"]);
const EXCEPTION: ReadonlySet<string> = new Set(["RETRY", "FAILURE", "REVOKED"]);
const PROPAGATE: ReadonlySet<string> = new Set(["FAILURE", "REVOKED"]);

/** The task is done: no other state follows. */
export const isReady = (state: State): boolean => READY.has(state);
/** The result is an exception document. */
export const isException = (state: State): boolean => EXCEPTION.has(state);
/** `get()` throws in this state. */
export const isPropagated = (state: State): boolean => PROPAGATE.has(state);
