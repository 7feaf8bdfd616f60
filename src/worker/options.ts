import { availableParallelism } from "node:os";
import { type Config, POOLS, type PoolName } from "../client/config.js";
import { boolean, checkSettings, choice, custom, number, nullable, text, textList } from "../client/settings.js";
import { checkTimeLimits } from "../client/time-limits.js";
import { nodeName } from "./node-name.js";

export interface WorkerOptions {
  /** Names of the queues to consume. Default: those of `taskQueues`, else the default queue. */
  queues?: readonly string[];
  /** Tasks run at once. Default: `workerConcurrency`, else the number of processors. */
  concurrency?: number;
  /** Messages reserved for each of them; 0 for no limit. Default: `workerPrefetchMultiplier` (4). */
  prefetchMultiplier?: number;
  /** Reserve nothing that cannot start at once (Redis and the like). Default: `workerDisablePrefetch`. */
  disablePrefetch?: boolean;
  /**
   * Node name; `@<machine>` is added to a plain one. `%h` is the machine with its domain, `%n` the name without it, `%d`
   * the domain. Default: `celery@%h`.
   */
  hostname?: string;
  /** What runs the tasks: `"async"`, the event loop, or `"threads"`. Default: `workerPool` ("async"). */
  pool?: PoolName;
  /**
   * The module that makes the application, for the threads pool: it is loaded in every thread, so it must not start a
   * worker itself. A file URL (`new URL("./app.js", import.meta.url)`) or a path.
   */
  module?: string | URL;
  /** The name under which `module` exports the application. Default: `app`, else the default export. */
  export?: string;
  /**
   * A module whose `prepare(app, data)` is called in each thread.
   * @internal
   */
  prepareThreads?: { readonly module: string; readonly data: unknown };
  /** Tell monitors what happens to each task. Default: `workerSendTaskEvents`. */
  taskEvents?: boolean;
  /** Seconds between heartbeats to monitors; 0 for none. Default 2. */
  heartbeatInterval?: number;
  /** Seconds; limits of tasks that have none of their own. Default: `taskTimeLimit`, `taskSoftTimeLimit`. */
  timeLimit?: number;
  softTimeLimit?: number;
  /** Threads pool: tasks after which a thread is replaced. Default: `workerMaxTasksPerChild`. */
  maxTasksPerChild?: number;
  /** Threads pool: KiB of memory above which a thread is replaced after its task. Default: `workerMaxMemoryPerChild`. */
  maxMemoryPerChild?: number;
  /** File that keeps the revoked tasks over a restart. Default: `workerStateDb`. */
  stateDb?: string;
  /**
   * The shutdown ladder by process signals: SIGTERM and the first SIGINT are warm, SIGQUIT and the second SIGINT cold,
   * one more ends the wait of a soft shutdown, and then it is hard. With `{ remapSigterm: "SIGQUIT" }` SIGTERM is cold.
   * Default false: the library leaves signals alone.
   */
  handleSignals?: boolean | { readonly remapSigterm?: "SIGQUIT" };
}

const whole = number({ min: 1, integer: true });
const signals = custom(
  (value) => typeof value === "boolean" || (typeof value === "object" && value !== null),
  'true, false, or { remapSigterm: "SIGQUIT" }',
);
const module_ = custom(
  (value) => value instanceof URL || (typeof value === "string" && value !== ""),
  "a file URL or a path",
);

const SETTINGS = {
  queues: { check: nullable(textList), initial: null },
  concurrency: { check: nullable(whole), initial: null },
  prefetchMultiplier: { check: nullable(number({ min: 0, integer: true })), initial: null },
  disablePrefetch: { check: nullable(boolean), initial: null },
  hostname: { check: nullable(text), initial: null },
  pool: { check: nullable(choice(...POOLS)), initial: null },
  module: { check: nullable(module_), initial: null },
  export: { check: nullable(text), initial: null },
  prepareThreads: { check: nullable(custom((value) => typeof value === "object", "an object")), initial: null },
  taskEvents: { check: nullable(boolean), initial: null },
  heartbeatInterval: { check: nullable(number({ min: 0 })), initial: null },
  timeLimit: { check: nullable(number({ above: 0 })), initial: null },
  softTimeLimit: { check: nullable(number({ above: 0 })), initial: null },
  maxTasksPerChild: { check: nullable(whole), initial: null },
  maxMemoryPerChild: { check: nullable(whole), initial: null },
  stateDb: { check: nullable(text), initial: null },
  handleSignals: { check: signals, initial: false },
};

export interface ResolvedOptions {
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** Messages reserved for each task that can run; 0 for no limit. */
  readonly prefetchMultiplier: number;
  readonly hostname: string;
  readonly pool: PoolName;
  readonly module: string | URL | null;
  readonly export: string | null;
  readonly prepareThreads: { readonly module: string; readonly data: unknown } | null;
  readonly heartbeatInterval: number;
  readonly handleSignals: false | { readonly remapSigterm?: "SIGQUIT" };
  /** The application's configuration with this worker's own options in their places. */
  readonly config: Readonly<Config>;
}

type Given = { [K in keyof WorkerOptions]-?: NonNullable<WorkerOptions[K]> | null };

const DEFAULT_HEARTBEAT = 2;

export function resolveOptions(options: WorkerOptions, conf: Readonly<Config>): ResolvedOptions {
  const given = checkSettings<Given>("worker option", SETTINGS, options);
  const concurrency = given.concurrency ?? conf.workerConcurrency ?? availableParallelism();
  const config = {
    ...conf,
    workerPool: given.pool ?? conf.workerPool,
    workerDisablePrefetch: given.disablePrefetch ?? conf.workerDisablePrefetch,
    workerSendTaskEvents: given.taskEvents ?? conf.workerSendTaskEvents,
    workerMaxTasksPerChild: given.maxTasksPerChild ?? conf.workerMaxTasksPerChild,
    workerMaxMemoryPerChild: given.maxMemoryPerChild ?? conf.workerMaxMemoryPerChild,
    workerStateDb: given.stateDb ?? conf.workerStateDb,
    taskTimeLimit: given.timeLimit ?? conf.taskTimeLimit,
    taskSoftTimeLimit: given.softTimeLimit ?? conf.taskSoftTimeLimit,
  };
  checkTimeLimits(config.taskSoftTimeLimit, config.taskTimeLimit);
  const { handleSignals } = given;
  return {
    queues: given.queues ?? [],
    concurrency,
    prefetchMultiplier: given.prefetchMultiplier ?? conf.workerPrefetchMultiplier,
    hostname: nodeName(given.hostname),
    pool: config.workerPool,
    module: given.module,
    export: given.export,
    prepareThreads: given.prepareThreads,
    heartbeatInterval: given.heartbeatInterval ?? DEFAULT_HEARTBEAT,
    handleSignals: handleSignals === true ? {} : handleSignals === null ? false : handleSignals,
    config,
  };
}
