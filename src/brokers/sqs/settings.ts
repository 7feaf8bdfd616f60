import { ImproperlyConfigured } from "../../errors.js";
import { isFifo } from "./names.js";
import { assertKnown, flag, list, number, refuse, table, text, texts } from "./options.js";
import type { Options } from "./options.js";

/** Celery's `broker_transport_options` for SQS, checked, with kombu's defaults (kombu/transport/SQS). */
export interface SqsSettings {
  readonly region: string | undefined;
  /** Seconds for new queues; undefined when nobody chose (then 1800). */
  readonly visibilityTimeout: number | undefined;
  /** Seconds that one request waits for a message, and for which a message is hidden that was rejected with requeue. */
  readonly waitTime: number;
  /** Milliseconds between two looks at an empty queue. */
  readonly pollingInterval: number;
  readonly queueNamePrefix: string;
  /** By the name of the queue; undefined when queues are looked up and created. */
  readonly predefinedQueues: ReadonlyMap<string, PredefinedQueue> | undefined;
  readonly base64: boolean;
  readonly creationAttributes: Readonly<Record<string, string>>;
  readonly queueTags: Readonly<Record<string, string>> | undefined;
  readonly systemAttributes: readonly string[];
  readonly messageAttributes: readonly string[];
  readonly isSecure: boolean;
  readonly clientConfig: Options;
  readonly role: StsRole | undefined;
  /** Bytes that one message may have in SQS, its attributes included. */
  readonly messageSizeLimit: number;
  /** Whether messages are kept hidden for as long as they are held. */
  readonly extendVisibility: boolean;
}

/** A queue that exists: it is never looked up, created or deleted. */
export interface PredefinedQueue {
  readonly url: string;
  readonly region: string | undefined;
  readonly credentials: Credentials | undefined;
  /** Seconds until a rejected message of one of the tasks comes again, by the number of times it was received. */
  readonly backoff:
    { readonly policy: Readonly<Record<string, number>>; readonly tasks: readonly string[] } | undefined;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface StsRole {
  readonly arn: string;
  /** Seconds. */
  readonly timeout: number;
  /** Seconds before its end in which a token is not used any more. */
  readonly buffer: number;
}

/** Amazon's limit since August 2025. */
export const MESSAGE_SIZE_LIMIT = 1_048_576;
/** Amazon's longest visibility timeout: 12 hours. */
export const LONGEST_VISIBILITY = 43_200;

const READ = [
  ...["region", "visibility_timeout", "wait_time_seconds", "polling_interval", "queue_name_prefix"],
  ...["predefined_queues", "sqs_base64_encoding", "sqs-creation-attributes", "queue_tags", "fetch_message_attributes"],
  ...["is_secure", "client-config", "sts_role_arn", "sts_token_timeout", "sts_token_buffer_time"],
  ...["interval_start", "interval_step", "interval_max", "body_encoding", "deadletter_queue"],
  ...["message_size_limit", "extend_visibility"],
];

/** What kombu takes and what is nothing to us, or to it. */
const IGNORED = [
  ...["regioninfo", "port", "supports_fanout", "predefined_exchanges", "max_retries", "connect_retries_timeout"],
  ...["errback", "callback"],
];

/** @throws ImproperlyConfigured naming the option, its value and what is expected */
export function sqsSettings(options: Options): SqsSettings {
  assertKnown(options, [...READ, ...IGNORED]);
  const waitTime = number(options, "wait_time_seconds", 10, 0, 20);
  return {
    region: text(options, "region"),
    visibilityTimeout: visibility(options),
    waitTime: Math.trunc(waitTime),
    // A long poll waits in the server; only short ones need a pause of their own.
    pollingInterval: number(options, "polling_interval", waitTime >= 1 ? 0 : 1, 0, Infinity) * 1000,
    queueNamePrefix: text(options, "queue_name_prefix") ?? "",
    predefinedQueues: predefinedQueues(options),
    base64: flag(options, "sqs_base64_encoding", true),
    creationAttributes: texts(options, "sqs-creation-attributes") ?? {},
    queueTags: texts(options, "queue_tags"),
    ...attributes(options),
    isSecure: flag(options, "is_secure", false),
    clientConfig: table(options, "client-config") ?? {},
    role: role(options),
    messageSizeLimit: number(options, "message_size_limit", MESSAGE_SIZE_LIMIT, 1024, Infinity),
    extendVisibility: flag(options, "extend_visibility", true),
  };
}

/** Whole seconds, also from a text, as in kombu. */
function visibility(options: Options): number | undefined {
  const given = options["visibility_timeout"];
  if (given === undefined || given === null || given === "") return undefined;
  const seconds = typeof given === "string" ? Number(given) : given;
  if (typeof seconds === "number" && seconds >= 0 && seconds <= LONGEST_VISIBILITY) return Math.trunc(seconds);
  return refuse("visibility_timeout", given, `seconds, from 0 to ${LONGEST_VISIBILITY} (12 hours)`);
}

function predefinedQueues(options: Options): ReadonlyMap<string, PredefinedQueue> | undefined {
  const given = table(options, "predefined_queues");
  // kombu takes an empty table for none.
  if (!given || Object.keys(given).length === 0) return undefined;
  return new Map(Object.keys(given).map((name) => [name, predefinedQueue(given, name)]));
}

const QUEUE = [
  ...["url", "access_key_id", "secret_access_key", "session_token", "region", "backoff_policy", "backoff_tasks"],
];

function predefinedQueue(queues: Options, name: string): PredefinedQueue {
  const where = `SQS transport option predefined_queues, queue ${JSON.stringify(name)}`;
  const given = table(queues, name) ?? {};
  assertKnown(given, QUEUE, `part of ${where}`);
  const url = text(given, "url");
  if (!url) throw new ImproperlyConfigured(`${where} needs its url`);
  if (isFifo(url) !== isFifo(name))
    throw new ImproperlyConfigured(
      `${where} has the url ${url}: name and url have to end in .fifo both (a FIFO queue), or neither`,
    );
  const [accessKeyId, secretAccessKey] = [text(given, "access_key_id"), text(given, "secret_access_key")];
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw new ImproperlyConfigured(`${where} has only one of access_key_id and secret_access_key`);
  const sessionToken = text(given, "session_token");
  return {
    url,
    region: text(given, "region"),
    credentials:
      accessKeyId !== undefined && secretAccessKey !== undefined
        ? { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
        : undefined,
    backoff: backoff(given),
  };
}

function backoff(queue: Options): PredefinedQueue["backoff"] {
  const policy = table(queue, "backoff_policy");
  const tasks = list(queue, "backoff_tasks");
  // As in kombu, one without the other means nothing.
  if (!policy || tasks.length === 0) return undefined;
  for (const name of Object.keys(policy)) number(policy, name, 0, 0, LONGEST_VISIBILITY);
  return { policy: policy as Readonly<Record<string, number>>, tasks };
}

/** A list names what SQS says of a message, an object also what its sender did; `all` in any case of letters is all. */
function attributes(options: Options): Pick<SqsSettings, "systemAttributes" | "messageAttributes"> {
  const given = options["fetch_message_attributes"] ?? undefined;
  if (given === undefined || typeof given === "string") return { systemAttributes: [], messageAttributes: [] };
  if (Array.isArray(given))
    return { systemAttributes: all(list(options, "fetch_message_attributes")), messageAttributes: [] };
  const both = table(options, "fetch_message_attributes") ?? {};
  assertKnown(
    both,
    ["MessageSystemAttributeNames", "MessageAttributeNames"],
    "part of the SQS transport option fetch_message_attributes",
  );
  return {
    systemAttributes: all(list(both, "MessageSystemAttributeNames")),
    messageAttributes: all(list(both, "MessageAttributeNames")),
  };
}

const all = (names: readonly string[]): readonly string[] =>
  names.some((name) => name.toLowerCase() === "all") ? ["All"] : [...new Set(names)];

function role(options: Options): StsRole | undefined {
  const arn = text(options, "sts_role_arn");
  const timeout = number(options, "sts_token_timeout", 900, 900, LONGEST_VISIBILITY);
  const buffer = number(options, "sts_token_buffer_time", 0, 0, Infinity);
  // As in kombu, a buffer as long as the token's life is none.
  return arn ? { arn, timeout, buffer: buffer < timeout ? buffer : 0 } : undefined;
}
