import { ImproperlyConfigured } from "../errors.js";
import type { ExchangeType } from "../protocol/queue.js";
import type { CredentialProvider } from "../util/redis/session.js";
import type { QueueSettings } from "./queue-settings.js";
import { isRate } from "./rate.js";
import type { RetryPolicy } from "./retry-policy.js";
import type { RouteTable } from "./routes.js";
import { boolean, checkSettings, choice, custom, nullable, number, record, text, textList } from "./settings.js";
import { type TaskAnnotations, checkAnnotations } from "./task-options.js";

/**
 * Settings under Celery's names in camelCase (userguide/configuration); durations are seconds. A setting that is not
 * listed here is refused, so a misspelt name never goes unnoticed.
 */
export interface Config {
  /** Serializer names or MIME types that may be read. Default ["json"]. */
  readonly acceptContent: readonly string[];
  /** The same for results; null means `acceptContent`. */
  readonly resultAcceptContent: readonly string[] | null;

  /** Options of the broker's driver, under the names Celery documents for the transport. */
  readonly brokerTransportOptions: Readonly<Record<string, unknown>>;
  /** Seconds for one connection attempt. Default 4. */
  readonly brokerConnectionTimeout: number;
  /** Whether a worker reconnects. Default true. */
  readonly brokerConnectionRetry: boolean;
  /** Attempts to reconnect before the worker gives up; null for no limit. Default 100. */
  readonly brokerConnectionMaxRetries: number | null;
  /** Seconds between heartbeats asked of RabbitMQ; 0 for none. Default 120. */
  readonly brokerHeartbeat: number;
  /** true, or TLS options under Python's names (keyfile, certfile, ca_certs, cert_reqs) or Node's. */
  readonly brokerUseSsl: boolean | Readonly<Record<string, unknown>>;
  readonly brokerFailoverStrategy: "round-robin" | "shuffle";
  /** Where workers take from, and where messages go, when that is not `broker` for both. Both lead to the same queues. */
  readonly brokerReadUrl: string | readonly string[] | null;
  readonly brokerWriteUrl: string | readonly string[] | null;
  /** How to log in to RabbitMQ: PLAIN, AMQPLAIN, EXTERNAL; null for PLAIN. */
  readonly brokerLoginMethod: string | null;
  /** Type of the queues in which RabbitMQ holds delayed messages back. Default "quorum". */
  readonly brokerNativeDelayedDeliveryQueueType: "classic" | "quorum";

  /** Serializer of task messages. Default "json". */
  readonly taskSerializer: string;
  /** Compression of task messages ("gzip", "zstd", ...), or null. */
  readonly taskCompression: string | null;
  /** Message protocol written: 2, or 1 for workers older than Celery 4. */
  readonly taskProtocol: 1 | 2;
  readonly taskDefaultQueue: string;
  /** null means the name of the queue. */
  readonly taskDefaultExchange: string | null;
  readonly taskDefaultExchangeType: ExchangeType;
  /** null means the name of the queue. */
  readonly taskDefaultRoutingKey: string | null;
  readonly taskDefaultQueueType: "classic" | "quorum";
  readonly taskDefaultPriority: number | null;
  /** 1 transient, 2 persistent. Default 2. */
  readonly taskDefaultDeliveryMode: 1 | 2;
  /** Queues by name; null for the default queue alone. */
  readonly taskQueues:
    Readonly<Record<string, QueueSettings>> | readonly (QueueSettings & { readonly name: string })[] | null;
  readonly taskRoutes: RouteTable | null;
  /** Options of tasks by name, `"*"` for all: they win over those that the tasks are defined with. */
  readonly taskAnnotations: TaskAnnotations | null;
  /** Whether a queue name that is not in `taskQueues` makes a queue. Default true. */
  readonly taskCreateMissingQueues: boolean;
  readonly taskCreateMissingQueueType: "classic" | "quorum";
  readonly taskCreateMissingQueueExchangeType: ExchangeType | null;
  /** `x-max-priority` of the queues that are made from names. */
  readonly taskQueueMaxPriority: number | null;
  readonly taskPublishRetry: boolean;
  readonly taskPublishRetryPolicy: RetryPolicy;
  /** Longest text of arguments in logs and events, in characters. Default 1024. */
  readonly taskArgsreprMaxsize: number;

  /** Tasks store no result unless they say otherwise. Default false. */
  readonly taskIgnoreResult: boolean;
  readonly taskStoreErrorsEvenIfIgnored: boolean;
  /** Report STARTED. Default false. */
  readonly taskTrackStarted: boolean;
  /** Acknowledge after the task instead of before it. Default false. */
  readonly taskAcksLate: boolean;
  /** With late acknowledgement: acknowledge failed tasks too. Default true. */
  readonly taskAcksOnFailureOrTimeout: boolean;
  /** The two halves of it (Celery 5.7), where they differ; null for what `taskAcksOnFailureOrTimeout` says. */
  readonly taskAcksOnFailure: boolean | null;
  readonly taskAcksOnTimeout: boolean | null;
  /** With late acknowledgement: a task whose thread died goes back to the queue instead of failing. Default false. */
  readonly taskRejectOnWorkerLost: boolean;
  /** A task whose thread died is tried again, as often as `maxRetries` allows (Celery 5.7). Default false. */
  readonly taskRetryOnWorkerLost: boolean;
  /** Rate limit of tasks that have none of their own: `"100/m"`, runs a second as a number, or null. */
  readonly taskDefaultRateLimit: string | number | null;
  /** Hard and soft time limits of tasks that have none of their own, or null. */
  readonly taskTimeLimit: number | null;
  readonly taskSoftTimeLimit: number | null;
  /** Tasks sent by a running task take its priority. Default false. */
  readonly taskInheritParentPriority: boolean;

  readonly resultSerializer: string;
  /** Compression of stored results ("gzip", "zstd", ...), or null. Celery reads them from 5.7 on. */
  readonly resultCompression: string | null;
  /** Seconds until results go away; null for never. Default 86400. */
  readonly resultExpires: number | null;
  /** Seconds between looks at the header of a chord, for stores that cannot count (`celery.chord_unlock`). Default 1. */
  readonly resultChordRetryInterval: number;
  /** Store name, arguments, worker, retries and queue with each result. Default false. */
  readonly resultExtended: boolean;
  /** rpc results survive a restart of the broker. Default false. */
  readonly resultPersistent: boolean;
  readonly resultBackendTransportOptions: Readonly<Record<string, unknown>>;
  /** true, or Node's TLS options. */
  readonly redisBackendUseSsl: boolean | Readonly<Record<string, unknown>>;
  /** Results in Redis, where the URL says nothing: host and port ... */
  readonly redisHost: string | null;
  readonly redisPort: number | null;
  /** ... and for `backend: "redis"` without any URL the database. */
  readonly redisDb: number | null;
  readonly redisUsername: string | null;
  readonly redisPassword: string | null;
  /** Seconds to wait for an answer (120), and for a connection (5). */
  readonly redisSocketTimeout: number | null;
  readonly redisSocketConnectTimeout: number | null;
  readonly redisSocketKeepalive: boolean | null;
  readonly redisRetryOnTimeout: boolean | null;
  readonly redisMaxConnections: number | null;
  /** Seconds between signs of life; 0 for none. Default 25. */
  readonly redisBackendHealthCheckInterval: number | null;
  /** Shown by `CLIENT LIST`. */
  readonly redisClientName: string | null;
  /** A function that gives `{ username, password }`, or a promise of it, for each new connection. */
  readonly redisBackendCredentialProvider: CredentialProvider | null;

  /** The time zone of the application (IANA name): SQL stores keep local times. Default "UTC". */
  readonly timezone: string;

  /** SQL results: names of the tables. Default `{ task: "celery_taskmeta", group: "celery_tasksetmeta" }`. */
  readonly databaseTableNames: { readonly task?: string; readonly group?: string };
  /** Schemas of the tables, where the database has any. */
  readonly databaseTableSchemas: { readonly task?: string; readonly group?: string };
  /** Make the tables when the backend is first used, and not only when the first result is written. Default true. */
  readonly databaseCreateTablesAtSetup: boolean;
  /** Options of the client library: pg's or mysql2's pool options. */
  readonly databaseEngineOptions: Readonly<Record<string, unknown>>;

  /** Cassandra results: host names (or `cassandraSecureBundlePath`). */
  readonly cassandraServers: readonly string[] | null;
  readonly cassandraSecureBundlePath: string | null;
  readonly cassandraPort: number;
  readonly cassandraKeyspace: string | null;
  readonly cassandraTable: string | null;
  readonly cassandraReadConsistency: string | null;
  readonly cassandraWriteConsistency: string | null;
  /** Seconds until a result goes away; null for never. `resultExpires` does not count here, as in Celery. */
  readonly cassandraEntryTtl: number | null;
  readonly cassandraAuthProvider: string | null;
  readonly cassandraAuthKwargs: Readonly<Record<string, unknown>>;
  /** Options of the client library. */
  readonly cassandraOptions: Readonly<Record<string, unknown>>;

  /** Tasks run at once. Default: the number of processors. */
  readonly workerConcurrency: number | null;
  /** Messages reserved for each of them; 0 for no limit. Default 4. */
  readonly workerPrefetchMultiplier: number;
  /** Count the limit per queue as soon as one is known to be a quorum queue; else only when RabbitMQ asks for it. Default true. */
  readonly workerDetectQuorumQueues: boolean;
  /** What runs the tasks: the event loop, or threads (for code that computes; its hard limits and `terminate` really stop it). */
  readonly workerPool: PoolName;
  /** Tell monitors what happens to each task (`-E`). Default false. */
  readonly workerSendTaskEvents: boolean;
  /** Listen to remote control, where the broker has fanout. Default true. */
  readonly workerEnableRemoteControl: boolean;
  readonly workerDisableRateLimits: boolean;
  /** Take a message only when a task can start at once. Default false. */
  readonly workerDisablePrefetch: boolean;
  /**
   * Messages that tasks which wait for their time can raise the number in hand to; null for as many as RabbitMQ's limit
   * can count (65,535).
   */
  readonly workerEtaTaskLimit: number | null;
  /** After a lost connection take fewer messages until the tasks that run have ended. Default true. */
  readonly workerEnablePrefetchCountReduction: boolean;
  /** Stop tasks that acknowledge late when the connection is lost, since the broker gives them to somebody else. Default false. */
  readonly workerCancelLongRunningTasksOnConnectionLoss: boolean;
  /** Do not run a late-acknowledged task again that is known to have succeeded when its message comes back. Default false. */
  readonly workerDeduplicateSuccessfulTasks: boolean;
  /** Seconds that a cold shutdown lets running tasks end before it stops them; 0 for none. Default 0. */
  readonly workerSoftShutdownTimeout: number;
  /** Wait that long also when no task runs. Default false. */
  readonly workerEnableSoftShutdownOnIdle: boolean;
  /** Threads pool: a thread is replaced after so many tasks, or when its memory is above so many KiB after one. */
  readonly workerMaxTasksPerChild: number | null;
  readonly workerMaxMemoryPerChild: number | null;
  /** File that keeps the revoked tasks over a restart; `%n`, `%h` and `%d` are parts of the node's name. */
  readonly workerStateDb: string | null;
  /** Ids of revoked tasks that a worker remembers (Celery's CELERY_WORKER_REVOKES_MAX); 0 for no limit. Default 50,000. */
  readonly workerRevokesMax: number;
  /** Seconds after which they may be forgotten (CELERY_WORKER_REVOKE_EXPIRES); 0 for never. Default 10,800. */
  readonly workerRevokeExpires: number;
  /**
   * How often a message may come back because its worker died, before it is taken out; null, as in Celery, for no
   * limit. This library's own setting.
   */
  readonly workerMaxRedeliveries: number | null;
  /** Queue for what was taken out; null: it is rejected, which is the dead-letter exchange of its queue, if it has one. */
  readonly workerDeadLetterQueue: string | null;

  /** Exchange and serializer of events, and of remote control. */
  readonly eventExchange: string;
  readonly eventSerializer: string;
  readonly controlExchange: string;
}

export type PoolName = (typeof POOLS)[number];
/** Names of the pools (`workerPool`, `-P`). */
export const POOLS = ["async", "threads"] as const;

const routes = custom(
  (value) => value === null || ["object", "function"].includes(typeof value),
  "a routing table, a function or a list of them",
);
const queues = custom((value) => typeof value === "object", "queues by name, or a list of queues");
const tls = custom(
  (value) => typeof value === "boolean" || (typeof value === "object" && value !== null),
  "true, false or TLS options",
);
const urls = custom(
  (value) => [value].flat().length > 0 && [value].flat().every((one) => typeof one === "string" && one !== ""),
  "a URL or a list of URLs",
);
const timezone = custom(isTimezone, 'a time zone such as "Europe/Paris" or "UTC"');
const provider = custom(
  (value) => typeof value === "function",
  "a function that gives {username, password} (Python's provider classes cannot run here)",
);
const rateLimit = custom(isRate, 'a rate such as "100/m", or runs a second');
const exchangeType = choice("direct", "topic", "fanout", "headers");
const queueType = choice("classic", "quorum");

/** Every setting: how it is checked, and its default. */
const SETTINGS = {
  acceptContent: { check: textList, initial: Object.freeze(["json"]) },
  resultAcceptContent: { check: nullable(textList), initial: null },
  brokerTransportOptions: { check: record, initial: Object.freeze({}) },
  brokerConnectionTimeout: { check: number({ above: 0 }), initial: 4 },
  brokerConnectionRetry: { check: boolean, initial: true },
  brokerConnectionMaxRetries: { check: nullable(number({ min: 0 })), initial: 100 },
  brokerHeartbeat: { check: number({ min: 0 }), initial: 120 },
  brokerUseSsl: { check: tls, initial: false },
  brokerFailoverStrategy: { check: choice("round-robin", "shuffle"), initial: "round-robin" },
  brokerReadUrl: { check: nullable(urls), initial: null },
  brokerWriteUrl: { check: nullable(urls), initial: null },
  brokerLoginMethod: { check: nullable(text), initial: null },
  brokerNativeDelayedDeliveryQueueType: { check: queueType, initial: "quorum" },
  taskSerializer: { check: text, initial: "json" },
  taskCompression: { check: nullable(text), initial: null },
  taskProtocol: { check: choice(1, 2), initial: 2 },
  taskDefaultQueue: { check: text, initial: "celery" },
  taskDefaultExchange: { check: nullable(text), initial: null },
  taskDefaultExchangeType: { check: exchangeType, initial: "direct" },
  taskDefaultRoutingKey: { check: nullable(text), initial: null },
  taskDefaultQueueType: { check: queueType, initial: "classic" },
  taskDefaultPriority: { check: nullable(number({ min: 0, max: 255, integer: true })), initial: null },
  taskDefaultDeliveryMode: { check: choice(1, 2), initial: 2 },
  taskQueues: { check: queues, initial: null },
  taskRoutes: { check: routes, initial: null },
  taskAnnotations: { check: nullable(record), initial: null },
  taskCreateMissingQueues: { check: boolean, initial: true },
  taskCreateMissingQueueType: { check: queueType, initial: "classic" },
  taskCreateMissingQueueExchangeType: { check: nullable(exchangeType), initial: null },
  taskQueueMaxPriority: { check: nullable(number({ min: 0, max: 255, integer: true })), initial: null },
  taskPublishRetry: { check: boolean, initial: true },
  taskPublishRetryPolicy: { check: record, initial: Object.freeze({}) },
  taskArgsreprMaxsize: { check: number({ min: 0, integer: true }), initial: 1024 },
  taskIgnoreResult: { check: boolean, initial: false },
  taskStoreErrorsEvenIfIgnored: { check: boolean, initial: false },
  taskTrackStarted: { check: boolean, initial: false },
  taskAcksLate: { check: boolean, initial: false },
  taskAcksOnFailureOrTimeout: { check: boolean, initial: true },
  taskAcksOnFailure: { check: nullable(boolean), initial: null },
  taskAcksOnTimeout: { check: nullable(boolean), initial: null },
  taskRejectOnWorkerLost: { check: boolean, initial: false },
  taskRetryOnWorkerLost: { check: boolean, initial: false },
  taskDefaultRateLimit: { check: nullable(rateLimit), initial: null },
  taskTimeLimit: { check: nullable(number({ above: 0 })), initial: null },
  taskSoftTimeLimit: { check: nullable(number({ above: 0 })), initial: null },
  taskInheritParentPriority: { check: boolean, initial: false },
  resultSerializer: { check: text, initial: "json" },
  resultCompression: { check: nullable(text), initial: null },
  resultExpires: { check: nullable(number({ min: 0 })), initial: 86400 },
  resultChordRetryInterval: { check: number({ min: 0 }), initial: 1 },
  resultExtended: { check: boolean, initial: false },
  resultPersistent: { check: boolean, initial: false },
  resultBackendTransportOptions: { check: record, initial: Object.freeze({}) },
  redisBackendUseSsl: { check: tls, initial: false },
  redisHost: { check: nullable(text), initial: null },
  redisPort: { check: nullable(number({ min: 1, max: 65535, integer: true })), initial: null },
  redisDb: { check: nullable(number({ min: 0, integer: true })), initial: null },
  redisUsername: { check: nullable(text), initial: null },
  redisPassword: { check: nullable(text), initial: null },
  redisSocketTimeout: { check: nullable(number({ above: 0 })), initial: null },
  redisSocketConnectTimeout: { check: nullable(number({ above: 0 })), initial: null },
  redisSocketKeepalive: { check: nullable(boolean), initial: null },
  redisRetryOnTimeout: { check: nullable(boolean), initial: null },
  redisMaxConnections: { check: nullable(number({ min: 1, integer: true })), initial: null },
  redisBackendHealthCheckInterval: { check: nullable(number({ min: 0 })), initial: null },
  redisClientName: { check: nullable(text), initial: null },
  redisBackendCredentialProvider: { check: nullable(provider), initial: null },
  timezone: { check: timezone, initial: "UTC" },
  databaseTableNames: { check: record, initial: Object.freeze({}) },
  databaseTableSchemas: { check: record, initial: Object.freeze({}) },
  databaseCreateTablesAtSetup: { check: boolean, initial: true },
  databaseEngineOptions: { check: record, initial: Object.freeze({}) },
  cassandraServers: { check: nullable(textList), initial: null },
  cassandraSecureBundlePath: { check: nullable(text), initial: null },
  cassandraPort: { check: number({ min: 1, max: 65535, integer: true }), initial: 9042 },
  cassandraKeyspace: { check: nullable(text), initial: null },
  cassandraTable: { check: nullable(text), initial: null },
  cassandraReadConsistency: { check: nullable(text), initial: null },
  cassandraWriteConsistency: { check: nullable(text), initial: null },
  cassandraEntryTtl: { check: nullable(number({ above: 0, integer: true })), initial: null },
  cassandraAuthProvider: { check: nullable(text), initial: null },
  cassandraAuthKwargs: { check: record, initial: Object.freeze({}) },
  cassandraOptions: { check: record, initial: Object.freeze({}) },
  workerConcurrency: { check: nullable(number({ min: 1, integer: true })), initial: null },
  workerPrefetchMultiplier: { check: number({ min: 0, integer: true }), initial: 4 },
  workerDetectQuorumQueues: { check: boolean, initial: true },
  workerPool: { check: choice(...POOLS), initial: "async" },
  workerSendTaskEvents: { check: boolean, initial: false },
  workerEnableRemoteControl: { check: boolean, initial: true },
  workerDisableRateLimits: { check: boolean, initial: false },
  workerDisablePrefetch: { check: boolean, initial: false },
  workerEtaTaskLimit: { check: nullable(number({ min: 1, integer: true })), initial: null },
  workerEnablePrefetchCountReduction: { check: boolean, initial: true },
  workerCancelLongRunningTasksOnConnectionLoss: { check: boolean, initial: false },
  workerDeduplicateSuccessfulTasks: { check: boolean, initial: false },
  workerSoftShutdownTimeout: { check: number({ min: 0 }), initial: 0 },
  workerEnableSoftShutdownOnIdle: { check: boolean, initial: false },
  workerMaxTasksPerChild: { check: nullable(number({ min: 1, integer: true })), initial: null },
  workerMaxMemoryPerChild: { check: nullable(number({ min: 1, integer: true })), initial: null },
  workerStateDb: { check: nullable(text), initial: null },
  workerRevokesMax: { check: number({ min: 0, integer: true }), initial: 50_000 },
  workerRevokeExpires: { check: number({ min: 0 }), initial: 10_800 },
  workerMaxRedeliveries: { check: nullable(number({ min: 0, integer: true })), initial: null },
  workerDeadLetterQueue: { check: nullable(text), initial: null },
  eventExchange: { check: text, initial: "celeryev" },
  eventSerializer: { check: text, initial: "json" },
  controlExchange: { check: text, initial: "celery" },
} as const;

function isTimezone(value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

/** The whole configuration: defaults, overlaid by what was given. Throws `ImproperlyConfigured`. */
export function resolveConfig(given: Readonly<Partial<Config>>): Readonly<Config> {
  const config = checkSettings<Config>("setting", SETTINGS, given);
  const { taskSoftTimeLimit: soft, taskTimeLimit: hard } = config;
  if (soft !== null && hard !== null && soft > hard)
    throw new ImproperlyConfigured(`taskSoftTimeLimit (${soft} s) is above taskTimeLimit (${hard} s); lower it`);
  if (config.taskAnnotations) checkAnnotations(config.taskAnnotations);
  return Object.freeze(config);
}
