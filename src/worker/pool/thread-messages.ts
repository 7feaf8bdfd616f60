import type { MessagePort } from "node:worker_threads";
import type { DeliveryInfo } from "../../brokers/broker.js";
import type { ResultNode } from "../../protocol/result.js";
import type { PackedError, PackedReason } from "./pack-error.js";
import type { PackedMessage } from "./pack-message.js";
import type { PackedOutcome } from "./pack-outcome.js";

/** What each thread of a pool is started with. */
export interface ThreadData {
  readonly kind: "celeriac-pool-thread";
  /** URL of the module that makes the application, and the name that it exports it under, null for the usual ones. */
  readonly module: string;
  readonly export: string | null;
  /** A module whose `prepare(app, data)` is called with the application. */
  readonly prepare: { readonly module: string; readonly data: unknown } | null;
  /** Where to look for tsx, when the process runs with it and threads have to ask for it: URLs of modules. */
  readonly typescript: readonly string[];
  /** MIME types that are read. */
  readonly accept: readonly string[];
  readonly hostname: string;
  /** Name of the serializer that values cross with. */
  readonly resultSerializer: string;
  readonly maxTasks: number | null;
  /** KiB. */
  readonly maxMemory: number | null;
  /** How many threads may still load the module before a task begins: dying while loading must not go on for ever. */
  readonly loads: Int32Array;
}

/** What a thread is asked to do. */
export type ThreadJob = { readonly kind: "load" } | RunJob;

export interface RunJob {
  readonly kind: "run";
  readonly message: PackedMessage;
  readonly deliveryInfo: DeliveryInfo;
  /** Whether anybody will read the value. */
  readonly wanted: boolean;
  /** For all that is said meanwhile. */
  readonly port: MessagePort;
}

/** The answer to "load". */
export type Loaded = { readonly tasks: readonly string[] } | { readonly problem: PackedError };

export type FromThread =
  | { readonly kind: "accepted" }
  | { readonly kind: "child"; readonly node: ResultNode }
  | { readonly kind: "state"; readonly number: number; readonly state: string; readonly meta: Uint8Array }
  /** The last word of a thread that ends after this task; others answer with their outcome. */
  | { readonly kind: "outcome"; readonly outcome: PackedOutcome };

export type ToThread =
  | { readonly kind: "abort"; readonly reason: PackedReason }
  | { readonly kind: "stored"; readonly number: number; readonly error: PackedReason | null };
