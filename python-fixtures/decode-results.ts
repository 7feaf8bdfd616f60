import { decodeTable } from "../src/brokers/amqp/decode-table.js";
import { decodeProperties } from "../src/brokers/amqp/read-frames.js";
import { exceptionToError } from "../src/protocol/exception.js";
import { dumps, loads } from "../src/protocol/json.js";
import { PyObject } from "../src/protocol/pickle/py-object.js";
import { readPickle } from "../src/protocol/pickle/reader.js";
import {
  groupDocument,
  groupKey,
  isException,
  nodeFromGroupDocument,
  normalisePrefix,
  resultFromDocument,
  resultToDocument,
  resultTuple,
  taskKey,
  type ResultRecord,
} from "../src/protocol/result.js";
import { decodeEnvelope } from "../src/protocol/envelope.js";
import { acceptedTypes, decodeContent } from "../src/protocol/serializers/registry.js";
import type { Report } from "./checks.js";
import { bytesOf, type Entry } from "./fixture-files.js";
import { canonical, fromNeutral, toNeutral } from "./neutral.js";

const keep = { floats: "keep" } as const;

/** What Python says of an exception that it raises again. */
interface Raised {
  readonly type: string;
  readonly module: string;
  readonly args: readonly unknown[] | null;
  readonly str: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function result(report: Report, entry: Entry): void {
  if (!("body" in entry)) return;
  const { contentType, contentEncoding } = entry as unknown as Record<string, string>;
  const body = bytesOf(entry["body"]);
  const document = decodeContent(
    { body, contentType: contentType as string, contentEncoding: contentEncoding as string },
    acceptedTypes(["json", "yaml", "msgpack", "pickle"]),
    keep,
  );
  const record = resultFromDocument(document);
  const expected = entry["expected"] as Fields;
  compareRecord(report, entry, record, expected, contentType === "application/x-python-serialize");
  report.equal(entry, "key", () => taskKey(prefixOf(entry), record.taskId), entry["key"]);
  if (contentType === "application/json")
    report.equal(
      entry,
      "same text",
      () => dumps(resultToDocument(record)),
      wrapped(entry) ? dumps(unwrappedText(body)) : body.toString(),
    );
}

const prefixOf = (entry: Entry): string => (entry.name.startsWith("prefix ") ? normalisePrefix("shop") : "");

/** Our record holds the exception that was raised, not the wrapper that Python stores for those it cannot pickle. */
const wrapped = (entry: Entry): boolean => entry.name.endsWith("failure unpicklable");

function unwrappedText(body: Buffer): unknown {
  const document = loads(body.toString()) as { result: { exc_message: [string, string, unknown[], string] } };
  const [module, type, args] = document.result.exc_message;
  return { ...document, result: { exc_type: type, exc_message: args, exc_module: module } };
}

function compareRecord(report: Report, entry: Entry, record: ResultRecord, expected: Fields, pickled: boolean): void {
  report.equal(
    entry,
    "fields",
    () => [record.taskId, record.status, record.traceback, record.dateDone, record.groupId, record.parentId],
    [
      expected["task_id"],
      expected["status"],
      expected["traceback"],
      expected["date_done"] ?? null,
      expected["group_id"] ?? null,
      expected["parent_id"] ?? null,
    ],
  );
  const children = (): unknown => record.children?.map(resultTuple) ?? null;
  report.equal(entry, "children", () => toNeutral(children()), canonical(expected["children"] ?? null));
  if (isException(record.status)) raised(report, entry, record, pickled);
  else report.equal(entry, "result", () => toNeutral(record.result), canonical(expected["result"]));
  if (entry.name.startsWith("extended ") && entry.name !== "extended without request") {
    const { extended } = record;
    const { name, args, kwargs, worker, retries, queue } = expected;
    report.equal(
      entry,
      "extended",
      () =>
        toNeutral([
          extended?.name,
          extended?.args,
          extended?.kwargs,
          extended?.worker,
          extended?.retries,
          extended?.queue,
        ]),
      canonical([name, args, kwargs, worker, retries, queue]),
    );
    if ("stamped_headers" in expected)
      report.equal(entry, "stamps", () => extended?.stamps, { tenant: expected["tenant"] });
  }
}

function raised(report: Report, entry: Entry, record: ResultRecord, pickled: boolean): void {
  const expected = entry["exception"] as Raised | null;
  if (expected === null) {
    report.equal(entry, "no exception", () => record.result, null);
    return;
  }
  const error = exceptionToError(record.result, { taskId: record.taskId, traceback: record.traceback });
  if (wrapped(entry)) {
    report.equal(entry, "unwrapped", () => [error.type, error.module], ["Unpicklable", "generator.exceptions"]);
    return;
  }
  report.equal(entry, "class", () => [error.type.split(".").at(-1), error.module], [
    expected.type.split(".").at(-1),
    expected.module,
  ]);
  if (!pickled || expected.args !== null)
    report.equal(entry, "arguments", () => toNeutral(error.args), canonical(expected.args));
  report.equal(entry, "text", () => error.message, expected.str);
  report.equal(entry, "traceback", () => error.traceback, (entry["expected"] as Fields)["traceback"]);
}

/** Documents that Python refuses to raise, and we understand. */
const FORGIVEN = new Set(["no exception class", "a text", "nothing"]);

export function exception(report: Report, entry: Entry): void {
  const document = loads(bytesOf(entry["body"]).toString(), keep);
  report.equal(entry, "document", () => toNeutral(document), canonical(entry["expected"]));
  if (!("raised" in entry)) {
    if (!FORGIVEN.has(entry.name)) report.refuses(entry, "refused", () => exceptionToError(document));
    return;
  }
  const expected = entry["raised"] as Raised | null;
  if (expected === null) return;
  const error = exceptionToError(document);
  if (expected.type === "UnpickleableExceptionWrapper") {
    const { repr } = entry["original"] as { repr: string };
    report.equal(entry, "unwrapped", () => `${error.type}(`, repr.slice(0, repr.indexOf("(") + 1));
    return;
  }
  // Where Python's constructor does not take the stored arguments back, it raises a plain Exception with a repr.
  const { exc_type: type, exc_module: module, exc_message: args } = entry["expected"] as Fields;
  report.equal(entry, "class", () => [error.type, error.module], [type, module ?? null]);
  if (Array.isArray(args)) report.equal(entry, "arguments", () => toNeutral(error.args), canonical(args));
  // What a class of its own shows does not travel.
  if (entry.name === "own text") return;
  if (expected.type === type || module === "other.app") report.equal(entry, "text", () => error.message, expected.str);
}

export function group(report: Report, entry: Entry): void {
  const text = bytesOf(entry["body"]).toString();
  const { children, parent } = entry as unknown as { children: string[]; parent: string | null };
  const node = nodeFromGroupDocument(loads(text));
  report.equal(entry, "members", () => node.children?.map(({ id }) => id), children);
  report.equal(entry, "parent", () => node.parent?.id ?? null, parent ?? null);
  report.equal(entry, "tuple", () => toNeutral(resultTuple(node)), canonical(entry["tuple"]));
  report.equal(entry, "same text", () => dumps(groupDocument(node)), text);
  report.equal(entry, "key", () => groupKey("", node.id), entry["key"]);
}

/** The member text that Redis compares, written by our JSON. */
export function chordPart(report: Report, entry: Entry): void {
  const { taskId, state } = entry as unknown as { taskId: string; state: string };
  const value = fromNeutral(entry["value"]);
  report.equal(entry, "member", () => dumps([1, taskId, state, value]), bytesOf(entry["member"]).toString());
}

export function rpc(report: Report, entry: Entry): void {
  const { message } = decodeEnvelope(bytesOf(entry["envelope"]).toString());
  const { content } = entry["expected"] as { content: Fields };
  const record = resultFromDocument(decodeContent(message, null, keep));
  report.equal(entry, "fields", () => [record.taskId, record.status, record.traceback], [
    content["task_id"],
    content["status"],
    content["traceback"],
  ]);
  report.equal(entry, "result", () => toNeutral(record.result), canonical(content["result"]));
  report.equal(entry, "correlation", () => message.properties.correlationId, record.taskId);
}

/** Rows of the database backend: result objects stay inert, exceptions become errors. */
export function pickledRow(report: Report, entry: Entry): void {
  const value = readPickle(bytesOf(entry["body"]));
  if (!("members" in entry)) {
    const error = exceptionToError(value);
    report.equal(entry, "class", () => [error.type, error.module], [entry["type"], entry["module"]]);
    report.equal(entry, "arguments", () => toNeutral(error.args), canonical(entry["args"]));
    return;
  }
  report.check(entry, "inert", () => {
    if (!(value instanceof PyObject)) throw new Error("not kept inert");
  });
  const [id, members] = (value as PyObject).args as [string, PyObject[]];
  const ids = (): unknown => members.map(({ args }) => (args?.[1] as [string])[0]);
  report.equal(entry, "id", () => id, entry["id"]);
  report.equal(entry, "members", ids, entry["members"]);
}

const sharp = (value: unknown): unknown => toNeutral(value, { plainFloats: true });

/** py-amqp gives AMQP's times, which are UTC, as naive ones. */
const utc = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/("\$datetime":"[^"]{19})"/g, '$1+00:00"'));

export function amqpTable(report: Report, entry: Entry): void {
  const bytes = bytesOf(entry["body"]);
  const read = (): unknown => sharp(decodeTable(bytes, 4, bytes.readUInt32BE(0)));
  report.equal(entry, "table", read, canonical(utc(entry["expected"]), { plainFloats: true }));
}

const PROPERTY_NAMES = [
  ["content_type", "contentType"],
  ["content_encoding", "contentEncoding"],
  ["application_headers", "headers"],
  ["delivery_mode", "deliveryMode"],
  ["priority", "priority"],
  ["correlation_id", "correlationId"],
  ["reply_to", "replyTo"],
  ["expiration", "expiration"],
  ["message_id", "messageId"],
  ["timestamp", "timestamp"],
  ["type", "type"],
  ["user_id", "userId"],
  ["app_id", "appId"],
  ["cluster_id", "clusterId"],
] as const;

export function amqpProperties(report: Report, entry: Entry): void {
  const bytes = bytesOf(entry["body"]);
  const read = decodeProperties(bytes, 0, bytes.length);
  const expected = entry["expected"] as Fields;
  for (const [python, ours] of PROPERTY_NAMES)
    report.equal(entry, python, () => sharp(read[ours] ?? null), canonical(expected[python] ?? null));
}
