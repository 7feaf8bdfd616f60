import { now } from "../util/time.js";
import { compress } from "./compression.js";
import { parseIsoTime } from "./iso-time.js";
import type { Message } from "./message.js";
import { encodeContent } from "./serializers/registry.js";
import type { TaskRequest } from "./task-request.js";

export interface EncodeTaskOptions {
  /** Message protocol (`task_protocol`, 2). Version 1 has no chain, root, parent, shadow, origin or stamps. */
  readonly protocol?: 1 | 2 | undefined;
  /** Serializer name (`task_serializer`, "json"). */
  readonly serializer?: string | undefined;
  /** Compression name (`task_compression`); null for none, the default. */
  readonly compression?: string | null | undefined;
  /** `task_default_delivery_mode`: 2 (persistent, the default) or 1. */
  readonly deliveryMode?: 1 | 2 | undefined;
  /** `enable_utc`, told to version 1 readers: whether times without offset are UTC. Default true. */
  readonly utc?: boolean | undefined;
}

/**
 * The message of a task, as Celery's `as_task_v2` (or `as_task_v1`) and its producer make it.
 * `expires` also becomes the `expiration` property: a broker may drop the message after it.
 * Throws `EncodeError` for values that the serializer cannot write, `DecodeError` for an unreadable `expires`.
 */
export function encodeTask(request: TaskRequest, options: EncodeTaskOptions = {}): Message {
  const second = (options.protocol ?? 2) === 2;
  const content = encodeContent(
    second ? body2(request) : body1(request, options.utc ?? true),
    options.serializer ?? "json",
  );
  const headers = second ? headers2(request) : { ...request.headers };
  let body = content.body;
  if (options.compression) {
    const compressed = compress(options.compression, body);
    body = compressed.body;
    headers["compression"] = compressed.type;
  }
  return {
    body,
    contentType: content.contentType,
    contentEncoding: content.contentEncoding,
    headers,
    properties: {
      correlationId: request.correlationId ?? request.id,
      replyTo: request.replyTo ?? "",
      deliveryMode: options.deliveryMode ?? 2,
      priority: request.priority ?? 0,
      expiration: request.expires === null ? undefined : millisecondsUntil(request.expires),
    },
  };
}

/** One literal in Celery's order: this runs for every message that is sent. The caller's own headers win, as there. */
function headers2(request: TaskRequest): Record<string, unknown> {
  const headers: Record<string, unknown> = {
    lang: request.lang ?? "js",
    task: request.task,
    id: request.id,
    shadow: request.shadow,
    eta: request.eta,
    expires: request.expires,
    group: request.group,
    group_index: request.groupIndex,
    retries: request.retries,
    timelimit: request.timeLimit,
    root_id: request.rootId ?? request.id,
    parent_id: request.parentId,
    argsrepr: request.argsrepr,
    kwargsrepr: request.kwargsrepr,
    origin: request.origin,
    ignore_result: request.ignoreResult,
    replaced_task_nesting: request.replacedTaskNesting,
    stamped_headers: request.stampedHeaders,
    stamps: request.stamps,
  };
  for (const name in request.headers) headers[name] = request.headers[name];
  return headers;
}

function body2(request: TaskRequest): unknown {
  const { args, kwargs, callbacks, errbacks, chain, chord } = request;
  return [args, kwargs, { callbacks, errbacks, chain, chord }];
}

function body1(request: TaskRequest, utc: boolean): unknown {
  return {
    task: request.task,
    id: request.id,
    args: request.args,
    kwargs: request.kwargs,
    group: request.group,
    group_index: request.groupIndex,
    retries: request.retries,
    eta: request.eta,
    expires: request.expires,
    utc,
    callbacks: request.callbacks,
    errbacks: request.errbacks,
    timelimit: request.timeLimit,
    taskset: request.group,
    chord: request.chord,
  };
}

/** Whole milliseconds as text; a moment in the past is "0". */
const millisecondsUntil = (expires: string): string => String(Math.max(0, Math.floor(parseIsoTime(expires) - now())));
