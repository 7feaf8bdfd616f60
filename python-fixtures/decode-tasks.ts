import assert from "node:assert/strict";
import { InvalidTaskError } from "../src/errors.js";
import { decompress } from "../src/protocol/compression.js";
import { decodeEnvelope, markRedelivered } from "../src/protocol/envelope.js";
import { dumps, loads } from "../src/protocol/json.js";
import { readSignature, type SignatureDocument } from "../src/protocol/signature.js";
import { decodeTask, encodeTask, type TaskRequest } from "../src/protocol/task-message.js";
import type { Report } from "./checks.js";
import { type Entry } from "./fixture-files.js";
import { canonical, toNeutral } from "./neutral.js";
import { keep, everything, textOf, carriers, plain } from "./decode-carriers.js";

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
