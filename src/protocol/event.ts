import { DecodeError, EncodeError } from "../errors.js";
import { epochSeconds, now } from "../util/time.js";
import type { Message } from "./message.js";
import { isMapping, shown } from "./reading.js";
import { type EncodedContent, decodeContent, encodeContent } from "./serializers/registry.js";

/** Events: what workers and senders tell monitors (celery/events; docs.celeryq.dev "Monitoring", "Event Reference"). */

/** What every event carries. */
export interface EventCommon {
  /** Node name of the sender, `name@host`. */
  readonly hostname: string;
  /** Whole hours west of UTC, rounded down. */
  readonly utcoffset: number;
  readonly pid: number;
  /** Lamport clock. */
  readonly clock: number;
  /** Unix time in seconds, with a fraction. Milliseconds here end every Python worker that listens. */
  readonly timestamp: number;
}

/** Who a worker is. */
export interface WorkerEventFields {
  /** Seconds between heartbeats. */
  readonly freq: number;
  /** Tasks being run. */
  readonly active: number;
  /** Tasks accepted so far. */
  readonly processed: number;
  /** Load averages of the host over 1, 5 and 15 minutes. */
  readonly loadavg: readonly number[];
  readonly sw_ident: string;
  readonly sw_ver: string;
  readonly sw_sys: string;
}

/** Own fields by type. Arguments, results and exceptions are Python-repr texts for people, not data. */
export interface EventFields {
  "worker-online": WorkerEventFields;
  "worker-heartbeat": WorkerEventFields;
  "worker-offline": WorkerEventFields;
  "task-sent": {
    readonly uuid: string;
    readonly root_id: string | null;
    readonly parent_id: string | null;
    readonly name: string;
    readonly args: string;
    readonly kwargs: string;
    readonly retries: number;
    readonly eta: string | null;
    readonly expires: string | null;
    readonly queue: string | null;
    readonly exchange: string;
    readonly routing_key: string;
  };
  "task-received": {
    readonly uuid: string;
    readonly name: string;
    readonly args: string;
    readonly kwargs: string;
    readonly root_id: string | null;
    readonly parent_id: string | null;
    readonly retries: number;
    readonly eta: string | null;
    readonly expires: string | null;
  };
  "task-started": { readonly uuid: string };
  "task-succeeded": { readonly uuid: string; readonly result: string; /** Seconds. */ readonly runtime: number };
  "task-failed": { readonly uuid: string; readonly exception: string; readonly traceback?: string | null };
  "task-retried": { readonly uuid: string; readonly exception: string; readonly traceback?: string | null };
  "task-rejected": { readonly uuid: string; readonly requeue: boolean };
  "task-revoked": {
    readonly uuid: string;
    readonly terminated: boolean;
    readonly signum: number | string | null;
    readonly expired: boolean;
  };
  "task-cancelled": { readonly uuid: string };
}

export type EventType = keyof EventFields;

/** An event whose type Celery documents. */
export type KnownEvent = {
  [T in EventType]: { readonly type: T } & EventCommon & EventFields[T];
}[EventType];

/**
 * Any event. Other programs may send types of their own: they arrive typed as if they were known ones, so that
 * comparing `event.type` leaves exactly that event; `isCustomEvent` tells them.
 */
export type EventDocument = KnownEvent;

/** An event of a type that Celery does not document. */
export interface CustomEvent extends EventCommon {
  readonly type: string;
  readonly [field: string]: unknown;
}

const KNOWN: Readonly<Record<EventType, true>> = {
  "worker-online": true,
  "worker-heartbeat": true,
  "worker-offline": true,
  "task-sent": true,
  "task-received": true,
  "task-started": true,
  "task-succeeded": true,
  "task-failed": true,
  "task-retried": true,
  "task-rejected": true,
  "task-revoked": true,
  "task-cancelled": true,
};

export const isCustomEvent = (event: EventDocument | CustomEvent): event is CustomEvent =>
  !Object.hasOwn(KNOWN, event.type);

/** `task-sent` travels with the routing key `task.sent`. */
export const eventRoutingKey = (type: string): string => type.replaceAll("-", ".");

/** The group of a type: the text before its first hyphen. */
export const eventGroup = (type: string): string => type.split("-", 1)[0] as string;

/** Routing key of several events of a group in one message. */
export const eventBatchRoutingKey = (group: string): string => `${group}.multi`;

/** Hours west of UTC as Celery counts them: Berlin in winter -1, New York 5, Kolkata -6. */
export const utcOffset = (date: Date = new Date(now())): number => Math.floor(date.getTimezoneOffset() / 60) || 0;

/** Offsets begin and end with a minute, and to ask for one is not cheap. */
const MINUTE = 60_000;
let known = { minute: NaN, offset: 0 };

function offsetNow(): number {
  const minute = Math.floor(now() / MINUTE);
  if (minute !== known.minute) known = { minute, offset: utcOffset() };
  return known.offset;
}

/** An event with the common fields filled in. */
export function eventDocument<T extends EventType>(
  type: T,
  fields: EventFields[T],
  sender: { readonly hostname: string; readonly clock: number; readonly timestamp?: number },
): KnownEvent & { readonly type: T } {
  return {
    hostname: sender.hostname,
    utcoffset: offsetNow(),
    pid: process.pid,
    clock: sender.clock,
    ...fields,
    timestamp: sender.timestamp ?? epochSeconds(),
    type,
  } as unknown as KnownEvent & { readonly type: T };
}

/** Monitors make every field of a worker event an attribute: with these names Python workers and Flower crash. */
const FORBIDDEN = [
  "alive",
  "id",
  "status_string",
  "heartbeat_expires",
  "heartbeats",
  "event",
  "update",
  "expire_window",
  "heartbeat_max",
];

/** Later than the year 5138 in seconds: a time in milliseconds. */
const MOST_SECONDS = 1e11;

/**
 * The message of one event, or of several as a batch (never batch worker events). Throws `EncodeError` for what is
 * known to bring down the Python workers that listen: a worker event with a forbidden field, a timestamp in
 * milliseconds, no type or hostname.
 */
export function encodeEvent(
  event: EventDocument | CustomEvent | readonly (EventDocument | CustomEvent)[],
  options: {
    readonly hostname?: string;
    readonly serializer?: string;
    /** They hold nothing but plain JSON: events of a worker do, those of a program may not. Default false. */
    readonly plain?: boolean;
  } = {},
): Message {
  const all = [event].flat() as readonly CustomEvent[];
  for (const one of all) check(one);
  const { serializer = "json" } = options;
  const content = (serializer === "json" && options.plain && plainContent(event)) || encodeContent(event, serializer);
  return {
    ...content,
    headers: { hostname: options.hostname ?? all[0]?.hostname ?? "" },
    properties: { deliveryMode: 1 },
  };
}

/**
 * What `JSON.stringify` makes of events says what the serializer says, in a fraction of the time, as long as they hold
 * texts, whole and broken numbers, booleans, null and lists of those. Null for what it refuses.
 */
function plainContent(event: unknown): EncodedContent | null {
  try {
    return { body: Buffer.from(JSON.stringify(event)), contentType: "application/json", contentEncoding: "utf-8" };
  } catch {
    return null;
  }
}

function check(event: CustomEvent): void {
  const type: unknown = event.type;
  if (typeof type !== "string" || type === "")
    throw new EncodeError(`the type of an event is ${shown(type)}; expected a text such as "task-sent"`);
  if (typeof event.hostname !== "string" || event.hostname === "")
    throw new EncodeError(`the hostname of event ${type} is ${shown(event.hostname)}; expected a node name`);
  if (!Number.isFinite(event.timestamp) || event.timestamp > MOST_SECONDS)
    throw new EncodeError(`the timestamp of event ${type} is ${shown(event.timestamp)}; expected Unix seconds`);
  // Celery's own elections have an id; nobody keeps those as a worker's state.
  if (!type.startsWith("worker-") || type.startsWith("worker-elect")) return;
  const bad = FORBIDDEN.find((name) => Object.hasOwn(event, name));
  if (bad !== undefined)
    throw new EncodeError(`event ${type} has the field "${bad}", which crashes listening Python workers; rename it`);
}

/**
 * The events in a message: one object, or an array of them. Missing common fields get a neutral value (the hostname
 * that of the header). Throws `DecodeError` (or `ContentDisallowed`).
 */
export function decodeEvents(message: Message, accept: ReadonlySet<string> | null): EventDocument[] {
  const content = decodeContent(message, accept);
  const all: unknown[] = Array.isArray(content) ? content : [content];
  return all.map((one) => readEvent(one, message.headers["hostname"]));
}

function readEvent(value: unknown, sender: unknown): EventDocument {
  if (!isMapping(value)) throw new DecodeError(`an event is ${shown(value)}; expected an object`);
  const type = value["type"];
  if (typeof type !== "string" || type === "")
    throw new DecodeError(`the type of an event is ${shown(type)}; expected a text such as "task-sent"`);
  const hostname = [value["hostname"], sender].find((name) => typeof name === "string");
  const number = (name: string): number => (typeof value[name] === "number" ? value[name] : 0);
  return {
    ...value,
    type,
    hostname: hostname ?? "",
    utcoffset: number("utcoffset"),
    pid: number("pid"),
    clock: number("clock"),
    timestamp: number("timestamp"),
  } as unknown as EventDocument;
}
