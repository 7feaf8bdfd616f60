import type { ResultNode, ResultRecord } from "../protocol/result.js";
import type { Broker } from "../brokers/broker.js";
import type { Logger } from "../util/logger.js";

/** What a result store can do. Claims are tested by the conformance suite; the rest is refused with `NotSupported`. */
export interface BackendCapabilities {
  /** False for `disabled`: stores nothing, reads are refused. */
  readonly results: boolean;
  /** Changes reach watchers by push; else they are looked for every so often. */
  readonly delivery: "push" | "poll";
  /** Any process can read a result by its id (false for rpc: only the sender's process). */
  readonly shared: boolean;
  /** Every state is kept until it expires, so `load` can be repeated (false for rpc). */
  readonly persistent: boolean;
  /** A stored SUCCESS is never replaced by another state (key-value stores; checked by reading first, as Python does). */
  readonly keepsSuccess: boolean;
  /** Results can be forgotten. */
  readonly forget: boolean;
  /** Group results can be saved and restored. */
  readonly groups: boolean;
  /** Old results go away by themselves (else `cleanup`). */
  readonly autoExpire: boolean;
  /**
   * Parts of a record that the store has no room for, and which are null when it is read again; `dateDone` is never
   * lost, but may be rounded to a second. Default: none.
   */
  readonly loses?: readonly ("children" | "groupId" | "parentId" | "extended")[];
  /** Bytes of the largest result, where that is less than a few megabytes. Larger ones are refused with `EncodeError`. */
  readonly maxResult?: number;
}

export interface BackendOptions {
  readonly logger: Logger;
  /** Serializer name for documents (`result_serializer`, "json"). */
  readonly serializer: string;
  /** Serializer names or MIME types that may be read (`result_accept_content`, else `accept_content`). */
  readonly acceptContent: readonly string[];
  /** Compression of what is stored, where Celery's store of this kind does it (`result_compression`); null for none. */
  readonly compression?: string | null;
  /** Seconds until a result goes away; null or 0 for never (`result_expires`, 86400). */
  readonly resultExpires: number | null;
  /** `result_persistent`: rpc messages survive a broker restart. */
  readonly resultPersistent: boolean;
  /** Celery's `result_backend_transport_options`, wire names. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** Celery's `redis_backend_use_ssl` and the like: true, or Node's TLS options. */
  readonly useSsl: boolean | Readonly<Record<string, unknown>>;
  /**
   * All settings of the application, Celery's names in camelCase, for those that belong to one kind of store
   * (`databaseTableNames`, `cassandraServers`, `timezone`, ...). Empty when a backend is opened by hand.
   */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The application's broker, for rpc; asked for only when needed. */
  readonly broker: () => Promise<Broker>;
  /** The client library, ready-made, instead of importing the optional peer package. */
  readonly lib?: unknown;
}

/** Where the result of a message is to go, for backends that answer the sender (rpc). */
export interface StoreContext {
  readonly replyTo?: string | null | undefined;
  readonly correlationId?: string | null | undefined;
}

/**
 * A store of task results. Connects lazily; calls that cannot be made reject with `OperationalError`.
 */
export interface Backend {
  /** The URL scheme it was opened with. */
  readonly scheme: string;
  /** The URL with secrets masked, for messages to people. */
  readonly displayUrl: string;
  readonly capabilities: BackendCapabilities;
  /** Goes into the `reply_to` property of every task message, when the backend answers through the broker. */
  readonly replyTo: string | null;
  /** Called before a task is published whose result may be wanted: rpc has its queue declared when it resolves. */
  expect(taskId: string): Promise<void>;
  /** Writes one state. Key-value stores never overwrite SUCCESS. */
  store(record: ResultRecord, context?: StoreContext): Promise<void>;
  /** The newest state, or null when nothing is known (PENDING). */
  load(taskId: string): Promise<ResultRecord | null>;
  /**
   * The current state of each task that has one, then every change seen, each task's iteration part ending with its
   * final state; the iteration ends when all have ended, and rejects with the signal's reason when it aborts.
   * All watchers of a backend share one connection.
   */
  watch(
    taskIds: readonly string[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<ResultRecord>;
  forget(taskId: string): Promise<void>;
  saveGroup(group: ResultNode): Promise<void>;
  loadGroup(groupId: string): Promise<ResultNode | null>;
  deleteGroup(groupId: string): Promise<void>;
  /** Removes results older than `resultExpires`, where the store does not do it by itself. */
  cleanup(): Promise<void>;
  close(): Promise<void>;
}

/** What each driver folder exports as default. */
export type OpenBackend = (url: string, options: BackendOptions) => Backend;
