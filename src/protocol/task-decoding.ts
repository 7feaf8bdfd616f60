import { CeleryError, DecodeError, InvalidTaskError } from "../errors.js";
import { decompress } from "./compression.js";
import type { Message } from "./message.js";
import { isMapping, shown } from "./reading.js";
import { OWN_HEADERS } from "./redelivery.js";
import { saferepr } from "./saferepr.js";
import { decodeContent } from "./serializers/registry.js";
import { readSignature } from "./signature.js";
import type { SignatureDocument } from "./signature.js";
import { failure, fieldReader } from "./task-fields.js";
import type { Fail } from "./task-fields.js";
import type { TaskRequest } from "./task-request.js";

export interface DecodeTaskOptions {
  /** Content types that may be read (`acceptedTypes(accept_content)`). */
  readonly accept: ReadonlySet<string>;
  /**
   * "keep" reads `1.0` as a `Float`, so that it can be sent on as Python's float. Handlers want plain numbers and
   * most tasks send nothing on, so decode plainly first, and again with "keep" only when a chain, a callback, a chord
   * body or a retry is really sent.
   */
  readonly floats?: "keep";
  /** Zone of version 1 times without offset whose sender says `utc: false` (`timezone`). Default UTC. */
  readonly timeZone?: string;
}

/**
 * Reads a task out of a message: protocol 2, protocol 1, and the mix of both that Celery also takes
 * (celery/worker/strategy.py). Never throws anything but `ContentDisallowed`, `DecodeError` (the body cannot be read)
 * and `InvalidTaskError` (it can, and is no task).
 */
export function decodeTask(message: Message, options: DecodeTaskOptions): TaskRequest {
  const content = readBody(message, options);
  const { headers } = message;
  if (!("task" in headers)) return readRequest(oldParts(content, {}), message, options);
  if (isMapping(content) && "args" in content) return readRequest(oldParts(content, headers), message, options);
  const fail: Fail = failure(headers["id"]);
  if (!Array.isArray(content) || content.length !== 3) fail("body", content, "[args, kwargs, embed]");
  const [args, kwargs, embed] = content as unknown[];
  if (embed !== null && !isMapping(embed)) fail("embed", embed, "an object or null");
  return readRequest({ fields: headers, args, kwargs, embed: embed ?? NO_HEADERS, protocol: 2 }, message, options);
}

/** Where the two protocols keep things. */
interface Parts {
  /** Id, name, times and the like. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly args: unknown;
  readonly kwargs: unknown;
  /** What follows the task. */
  readonly embed: Readonly<Record<string, unknown>>;
  readonly protocol: 1 | 2;
}

/** Protocol 1 has everything in the body; headers of a mixed message win over it. It knows no `chain`. */
function oldParts(body: unknown, headers: Readonly<Record<string, unknown>>): Parts {
  if (!isMapping(body) || !("task" in body || "task" in headers))
    throw new InvalidTaskError(
      "not a task: it has no `task` header (protocol 2) and its body is no object with `task` (protocol 1)",
      { field: "task" },
    );
  const protocol = "task" in headers ? 2 : 1;
  const { args = [], kwargs = {}, callbacks = null, errbacks = null, chord = null } = body;
  const fields: Record<string, unknown> = { ...body, ...headers };
  if (protocol === 1 && body["taskset"] !== undefined) fields["group"] = body["taskset"];
  return { fields, args, kwargs, embed: { callbacks, errbacks, chord }, protocol };
}

function readBody(message: Message, options: DecodeTaskOptions): unknown {
  const compression = message.headers["compression"];
  try {
    const body =
      compression === undefined || compression === null
        ? message.body
        : decompress(typeof compression === "string" ? compression : shown(compression), message.body);
    const { contentType, contentEncoding } = message;
    return decodeContent(
      { body, contentType, contentEncoding },
      options.accept,
      options.floats === "keep" ? KEEP_FLOATS : undefined,
    );
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause;
    // A compression or serializer that is unknown or not installed: the message is as unreadable as a broken one.
    const reason = cause instanceof CeleryError ? cause.message : String(cause);
    throw new DecodeError(`the body of a message cannot be read: ${reason}`, { cause });
  }
}

const KEEP_FLOATS = { floats: "keep" } as const;

function readRequest(parts: Parts, message: Message, options: DecodeTaskOptions): TaskRequest {
  const { fields, args, kwargs, embed, protocol } = parts;
  const { id, task } = fields;
  const fail: Fail = failure(id);
  if (typeof id !== "string" || id === "") fail("id", id, "a text that is not empty");
  if (typeof task !== "string" || task === "") fail("task", task, "the name of a task");
  if (!Array.isArray(args)) fail("args", args, "an array");
  if (!isMapping(kwargs)) fail("kwargs", kwargs, "an object");
  const read = fieldReader(fields, fail);
  const zone = fields["utc"] === false ? (options.timeZone ?? "UTC") : "UTC";
  const { properties } = message;
  return {
    id,
    task,
    args,
    kwargs,
    rootId: read.text("root_id"),
    parentId: read.text("parent_id"),
    group: read.text("group"),
    groupIndex: read.integer("group_index"),
    shadow: read.label("shadow"),
    eta: read.time("eta", zone),
    expires: read.time("expires", zone),
    retries: read.integer("retries") ?? 0,
    timeLimit: read.limits("timelimit"),
    argsrepr: protocol === 1 ? saferepr(args, { tuple: true }) : (read.label("argsrepr") ?? ""),
    kwargsrepr: protocol === 1 ? saferepr(kwargs) : (read.label("kwargsrepr") ?? ""),
    origin: read.label("origin"),
    ignoreResult: read.flag("ignore_result"),
    replacedTaskNesting: read.integer("replaced_task_nesting") ?? 0,
    stampedHeaders: read.texts("stamped_headers"),
    stamps: read.mapping("stamps"),
    headers: customHeaders(message.headers),
    callbacks: signatures(embed["callbacks"], "callbacks", fail),
    errbacks: signatures(embed["errbacks"], "errbacks", fail),
    chain: signatures(embed["chain"], "chain", fail),
    chord: signature(embed["chord"], "chord", fail),
    replyTo: properties.replyTo || null,
    correlationId: properties.correlationId || null,
    priority: properties.priority ?? null,
    lang: read.label("lang"),
    protocol,
  };
}

function signatures(value: unknown, field: string, fail: Fail): readonly SignatureDocument[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) fail(field, value, "an array of signatures or null");
  return value.map((one, index) => readEmbedded(one, `${field}[${index}]`, fail));
}

function signature(value: unknown, field: string, fail: Fail): SignatureDocument | null {
  if (value === null || value === undefined) return null;
  // Python asks for truth only: an empty object is no chord.
  if (isMapping(value) && Object.keys(value).length === 0) return null;
  return readEmbedded(value, field, fail);
}

function readEmbedded(value: unknown, field: string, fail: Fail): SignatureDocument {
  try {
    return readSignature(value, field);
  } catch (cause) {
    return fail(field, value, "a signature", cause);
  }
}

/** Headers of the protocol, of the brokers, and names that Python's request object keeps for itself. */
const OTHERS_HEADERS: ReadonlySet<string> = new Set(
  (
    "lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin " +
    "ignore_result replaced_task_nesting stamped_headers stamps compression args kwargs callbacks errbacks chain chord " +
    "called_directly correlation_id delivery_info headers hostname is_eager logfile loglevel properties reply_to " +
    "taskset utc redelivered __proto__ " +
    "x-death x-first-death-exchange x-first-death-queue x-first-death-reason " +
    "x-last-death-exchange x-last-death-queue x-last-death-reason x-delivery-count"
  ).split(" "),
);
const NO_HEADERS: Readonly<Record<string, unknown>> = Object.freeze({});

function customHeaders(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let custom: Record<string, unknown> | undefined;
  for (const name in headers)
    if (!OTHERS_HEADERS.has(name) && !name.startsWith(OWN_HEADERS)) (custom ??= {})[name] = headers[name];
  return custom ?? NO_HEADERS;
}
