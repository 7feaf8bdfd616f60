import assert from "node:assert/strict";
import { InvalidTaskError } from "../src/errors.js";
import { decodeProperties } from "../src/brokers/amqp/read-frames.js";
import { controlRequest, decodeControlReply, decodeControlRequest, matchesNode } from "../src/protocol/control.js";
import { decompress } from "../src/protocol/compression.js";
import { decodeEnvelope, encodeEnvelope, markRedelivered, type Envelope } from "../src/protocol/envelope.js";
import { decodeEvents, encodeEvent, eventRoutingKey } from "../src/protocol/event.js";
import { dumps, loads } from "../src/protocol/json.js";
import { controlQueue, replyQueue } from "../src/protocol/mailbox.js";
import { matchTopic, topicPattern } from "../src/protocol/queue.js";
import { acceptedTypes, decodeContent } from "../src/protocol/serializers/registry.js";
import { readSignature, type SignatureDocument } from "../src/protocol/signature.js";
import { decodeTask, encodeTask, type TaskRequest } from "../src/protocol/task-message.js";
import type { Report } from "./checks.js";
import { bytesOf, type Entry } from "./fixture-files.js";
import { canonical, toNeutral } from "./neutral.js";

const keep = { floats: "keep" } as const;
const everything = acceptedTypes(["json", "yaml", "msgpack", "pickle"]);
const textOf = (raw: unknown): string => bytesOf(raw).toString();

/** The envelope, its AMQP twin, and the envelope that we would write. */
function carriers(report: Report, entry: Entry): Envelope {
  const text = textOf(entry["envelope"]);
  const envelope = decodeEnvelope(text);
  const whole = loads(text, keep) as { headers: object; properties: Record<string, unknown>; "content-type": string };
  const { message } = envelope;
  report.equal(entry, "exchange", () => [envelope.exchange, envelope.routingKey], [
    entry["exchange"],
    entry["routingKey"],
  ]);
  report.equal(entry, "headers", () => plain(message.headers), plain(whole.headers));
  report.equal(entry, "delivery tag", () => envelope.deliveryTag, whole.properties["delivery_tag"]);
  report.equal(entry, "text after reading", () => dumps(loads(text, { ...keep, typed: false })), text);
  report.check(entry, "written and read here", () => {
    const { exchange, routingKey, deliveryTag } = envelope;
    const again = decodeEnvelope(encodeEnvelope(message, { exchange, routingKey }, { deliveryTag }));
    report.equal(entry, "envelope written and read here", () => again, {
      ...envelope,
      priority: envelope.priority ?? 0,
    });
  });
  if (entry["amqp"] !== undefined) {
    const bytes = bytesOf(entry["amqp"]);
    const amqp = decodeProperties(bytes, 0, bytes.length);
    // A lone surrogate is no UTF-8, so neither side reads that header as text.
    if (entry.name !== "awkward text")
      report.equal(entry, "AMQP headers", () => plain(amqp.headers ?? {}), plain(whole.headers));
    const { correlationId, replyTo, deliveryMode, priority, expiration } = message.properties;
    const properties = { correlationId, replyTo, deliveryMode, priority, expiration };
    report.equal(
      entry,
      "AMQP properties",
      () => [
        amqp.contentType,
        amqp.contentEncoding,
        amqp.correlationId,
        amqp.replyTo,
        amqp.deliveryMode,
        amqp.expiration,
      ],
      [whole["content-type"], message.contentEncoding, correlationId, replyTo, deliveryMode, properties.expiration],
    );
  }
  return envelope;
}

/** AMQP's and the envelope's floats are plain numbers when headers are read. */
const plain = (value: unknown): unknown => toNeutral(value, { plainFloats: true });

const PYTHON_NAMES: Readonly<Record<string, keyof TaskRequest>> = {
  id: "id",
  task: "task",
  args: "args",
  kwargs: "kwargs",
  rootId: "rootId",
  parentId: "parentId",
  group: "group",
  groupIndex: "groupIndex",
  shadow: "shadow",
  retries: "retries",
  timelimit: "timeLimit",
  etaText: "eta",
  expiresText: "expires",
  origin: "origin",
  ignoreResult: "ignoreResult",
  stampedHeaders: "stampedHeaders",
  replyTo: "replyTo",
  correlationId: "correlationId",
  lang: "lang",
  protocol: "protocol",
};

/** What our request says where Python's says nothing. */
const DEFAULTS: Readonly<Record<string, unknown>> = { replacedTaskNesting: 0, stamps: {}, timelimit: [null, null] };

export function task(report: Report, entry: Entry): void {
  const { message } = carriers(report, entry);
  const expected = entry["request"] as Record<string, unknown>;
  const request = decodeTask(message, { accept: everything, ...keep });
  for (const [python, ours] of Object.entries(PYTHON_NAMES))
    report.equal(
      entry,
      python,
      () => toNeutral(request[ours]),
      canonical(expected[python] ?? DEFAULTS[python] ?? null),
    );
  for (const name of ["replacedTaskNesting", "stamps"] as const)
    report.equal(entry, name, () => toNeutral(request[name]), canonical(expected[name] ?? DEFAULTS[name]));
  if ("headers" in expected)
    report.equal(
      entry,
      "custom headers",
      () => plain(request.headers),
      canonical(custom(expected["headers"]), { plainFloats: true }),
    );
  if (request.protocol === 2) {
    report.equal(entry, "reprs", () => [request.argsrepr, request.kwargsrepr], [
      expected["argsrepr"],
      expected["kwargsrepr"] ?? "",
    ]);
  }
  const embed = (expected["embed"] ?? {}) as Record<string, unknown>;
  for (const name of ["callbacks", "errbacks", "chain", "chord"] as const)
    report.equal(entry, name, () => toNeutral(request[name]), canonical(embed[name] ?? null));
  for (const [moment, text] of [
    ["eta", request.eta],
    ["expires", request.expires],
  ] as const) {
    const iso = expected[moment] as { $datetime: string } | null;
    if (iso !== null && text !== null && /[+-]\d\d:\d\d$/.test(text))
      report.equal(entry, `${moment} as a moment`, () => Date.parse(text), Date.parse(iso.$datetime));
  }
  if (entry["odd"] !== true) reencoded(report, entry, request);
}

/** Messages that no client of ours writes: read where Python's worker reads them, refused where it stumbles. */
export function oddTask(report: Report, entry: Entry): void {
  if (!("refused" in entry)) return task(report, { ...entry, odd: true });
  const { message } = carriers(report, entry);
  report.check(entry, "refused", () =>
    assert.throws(() => decodeTask(message, { accept: everything }), InvalidTaskError),
  );
}

/** Python's own headers, less what is not to be sent again (Celery leaves it out when it retries a task). */
function custom(headers: unknown): Record<string, unknown> {
  const kept = { ...(headers as Record<string, unknown> | null) };
  delete kept["x-death"];
  delete kept["compression"];
  delete kept["meth"];
  return kept;
}

/** The same request encoded here: the bodies' bytes are Python's, and the headers say the same. */
function reencoded(report: Report, entry: Entry, request: TaskRequest): void {
  const { message } = decodeEnvelope(textOf(entry["envelope"]));
  const { compression } = message.headers;
  const json = message.contentType === "application/json";
  const ours = encodeTask(request, {
    protocol: request.protocol,
    serializer: message.contentType as string,
    compression: typeof compression === "string" ? compression : null,
    utc: entry.name !== "without utc",
  });
  const content = (of: Uint8Array): Uint8Array => (typeof compression === "string" ? decompress(compression, of) : of);
  const order = (body: Uint8Array): unknown => loads(Buffer.from(body).toString(), { ...keep, typed: false });
  if (json && request.protocol === 2 && !/argument shapes/.test(entry.name))
    report.equal(
      entry,
      "same body",
      () => Buffer.from(content(ours.body)).toString(),
      Buffer.from(content(message.body)).toString(),
    );
  else if (json)
    report.equal(entry, "body", () => toNeutral(order(content(ours.body))), toNeutral(order(content(message.body))));
  if (request.protocol === 2) {
    const theirs: Record<string, unknown> = { ...message.headers };
    delete theirs["x-death"];
    for (const name of ["replaced_task_nesting", "stamped_headers", "stamps"]) theirs[name] ??= ours.headers[name];
    report.equal(entry, "headers written here", () => plain(ours.headers), plain(theirs));
  }
}

export function redelivered(report: Report, entry: Entry): void {
  const style = entry["style"] as "headers" | "top-level";
  const before = textOf(entry["before"]);
  report.equal(entry, "text", () => markRedelivered(before, style), textOf(entry["after"]));
  report.equal(entry, "flag", () => decodeEnvelope(textOf(entry["after"])).redelivered, true);
  report.equal(entry, "no flag", () => decodeEnvelope(before).redelivered, false);
}

export function signature(report: Report, entry: Entry): void {
  const text = textOf(entry["body"]);
  const document = readSignature(loads(text, keep));
  report.equal(entry, "document", () => toNeutral(document), canonical(entry["expected"]));
  report.equal(entry, "type", () => document.subtask_type, entry["type"]);
  report.equal(entry, "same text", () => dumps(document), text);
  for (const inner of nested(document)) report.check(entry, "inner signature", () => readSignature(inner));
}

function* nested({ kwargs, options }: SignatureDocument): Iterable<unknown> {
  for (const name of ["tasks", "header"]) if (Array.isArray(kwargs[name])) yield* kwargs[name] as unknown[];
  if (kwargs["body"] !== undefined) yield kwargs["body"];
  for (const name of ["link", "link_error"]) if (Array.isArray(options[name])) yield* options[name] as unknown[];
}

interface Expected {
  readonly headers: unknown;
  readonly content: unknown;
}

export function event(report: Report, entry: Entry): void {
  const { message, routingKey } = carriers(report, entry);
  const { content } = entry["expected"] as Expected;
  const events = decodeEvents(message, acceptedTypes(["json"]));
  const relaxed = { plainFloats: true };
  const blind = entry.name === "blind";
  const expected = [canonical(content, relaxed)].flat();
  if (!blind) report.equal(entry, "events", () => events.map(plain), expected);
  const type = events[0]?.type as string;
  if (!Array.isArray(content)) report.equal(entry, "routing key", () => eventRoutingKey(type), routingKey);
  report.equal(
    entry,
    "written here",
    () => encodeEvent(Array.isArray(content) ? events : (events[0] as never)).headers,
    message.headers,
  );
}

export function request(report: Report, entry: Entry): void {
  const { message } = carriers(report, entry);
  const { content } = entry["expected"] as { content: Record<string, unknown> };
  const read = decodeControlRequest(message, acceptedTypes(["json"]));
  report.equal(entry, "clock", () => read.clock, 8);
  const ours = {
    method: read.method,
    arguments: plain(read.arguments),
    destination: read.destination,
    pattern: read.pattern,
    matcher: read.matcher,
  };
  const relaxed = canonical(content, { plainFloats: true }) as Record<string, unknown>;
  const { method, arguments: given, destination, pattern, matcher } = relaxed;
  report.equal(entry, "request", () => ours, { method, arguments: given, destination, pattern, matcher });
  report.equal(entry, "ticket", () => read.ticket, content["ticket"] ?? null);
  const kept = decodeContent(message, acceptedTypes(["json"]), keep) as Record<string, unknown>;
  report.equal(
    entry,
    "same text",
    () => dumps(controlRequest({ ...read, arguments: kept["arguments"] as Record<string, unknown> })),
    Buffer.from(message.body).toString(),
  );
}

export function reply(report: Report, entry: Entry): void {
  const { message } = carriers(report, entry);
  const { content } = entry["expected"] as Expected;
  const read = decodeControlReply(message, acceptedTypes(["json"]));
  report.equal(entry, "ticket", () => read.ticket, "df805d3f-0000-4000-8000-000000000009");
  report.equal(entry, "replies", () => plain(read.replies), canonical(content, { plainFloats: true }));
}

export function matching(report: Report, entry: Entry): void {
  const { matcher, pattern, expected } = entry as unknown as { matcher: string; pattern: string; expected: object };
  for (const [node, matches] of Object.entries(expected))
    report.equal(
      entry,
      `node ${JSON.stringify(node)}`,
      () => matchesNode({ destination: null, pattern, matcher }, node),
      matches,
    );
}

export function topic(report: Report, entry: Entry): void {
  const { pattern, expected } = entry as unknown as { pattern: string; expected: object };
  const kombu = report.version.startsWith("5.7.") ? "5.7" : "5.6";
  report.equal(entry, "pattern", () => topicPattern(entry.name, { kombu }), pattern);
  for (const [key, matches] of Object.entries(expected))
    report.equal(entry, `key ${JSON.stringify(key)}`, () => matchTopic(pattern, key), matches);
}

export function mailbox(report: Report, entry: Entry): void {
  const expected = entry as unknown as Record<string, unknown>;
  const nodename = String(expected["queue"]).replace(/\.celery\.pidbox$/, "");
  const oid = String(expected["routingKey"]);
  const ours = entry.name === "control queue" ? controlQueue(nodename) : replyQueue(oid);
  report.equal(entry, "names", () => [ours.name, ours.exchange.name, ours.routingKey], [
    expected["queue"],
    expected["exchange"],
    expected["routingKey"],
  ]);
  report.equal(entry, "exchange", () => [ours.exchange.type, ours.exchange.durable], [
    expected["type"],
    expected["exchangeDurable"],
  ]);
  report.equal(entry, "queue", () => [ours.durable, ours.autoDelete], [expected["durable"], expected["autoDelete"]]);
}
