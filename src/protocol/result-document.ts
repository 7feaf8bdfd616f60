import { DecodeError } from "../errors.js";
import { readException } from "./exception-document.js";
import { isoTime } from "./iso-time.js";
import { isMapping, shown } from "./reading.js";
import { nodeFromTuple, resultTuple } from "./result-node.js";
import { isException } from "./result-record.js";
import type { ExtendedResult, ResultRecord } from "./result-record.js";
import { DateTime } from "./values.js";

/** Result records to and from the documents that stores keep (celery/backends/base.py `_get_result_meta`). */

/** The document with Python's key order: optional keys only when they say something, the task id last. */
export function resultToDocument(record: ResultRecord): Record<string, unknown> {
  const document: Record<string, unknown> = {
    status: record.status,
    result: record.result ?? null,
    traceback: record.traceback,
    children: record.children && record.children.map(resultTuple),
    date_done: record.dateDone,
  };
  if (record.groupId) document["group_id"] = record.groupId;
  if (record.parentId) document["parent_id"] = record.parentId;
  if (record.extended) extend(document, record.extended);
  document["task_id"] = record.taskId;
  return document;
}

function extend(document: Record<string, unknown>, extended: ExtendedResult): void {
  const { name, args, kwargs, worker, retries, queue, stampedHeaders, stamps } = extended;
  Object.assign(document, { name, args, kwargs, worker, retries, queue });
  if (stamps === undefined || Object.keys(stamps).length === 0) return;
  document["stamped_headers"] = stampedHeaders ?? null;
  // As in Python, a stamp may take the place of a field; never that of the ones that waiting clients need.
  for (const [stamp, value] of Object.entries(stamps))
    if (stamp !== "status" && stamp !== "result") document[stamp] = value;
}

/** The body of an rpc result: these five keys and no others (celery/backends/rpc.py). */
export function rpcDocument(record: ResultRecord): Record<string, unknown> {
  return {
    task_id: record.taskId,
    status: record.status,
    result: record.result ?? null,
    traceback: record.traceback,
    children: record.children && record.children.map(resultTuple),
  };
}

/**
 * Reads a result document. Only a status is needed, and a task id (in the document, or from the caller who asked for
 * it). The result of a failed, retried or revoked task becomes an `ExceptionDocument`. Throws `DecodeError`.
 */
export function resultFromDocument(document: unknown, taskId?: string): ResultRecord {
  if (!isMapping(document)) throw bad("a result document", document, "an object");
  const { status, task_id = taskId, children, traceback } = document;
  if (typeof status !== "string" || status === "") throw bad("the status of a result", status, "a state");
  if (typeof task_id !== "string" || task_id === "") throw bad("the task_id of a result", task_id, "a text");
  if (children !== undefined && children !== null && !Array.isArray(children))
    throw bad("the children of a result", children, "an array or null");
  const extended = readExtended(document);
  return {
    taskId: task_id,
    status,
    result: isException(status) ? readException(document["result"]) : (document["result"] ?? null),
    traceback: text(traceback),
    children: children ? children.map(nodeFromTuple) : null,
    dateDone: time(document["date_done"]),
    groupId: text(document["group_id"]),
    parentId: text(document["parent_id"]),
    ...(extended && { extended }),
  };
}

function readExtended(document: Record<string, unknown>): ExtendedResult | undefined {
  if (!("name" in document && "worker" in document)) return undefined;
  const { name, args = null, kwargs = null, worker, retries, queue, stamped_headers } = document;
  const fields = {
    name: text(name),
    args,
    kwargs,
    worker: text(worker),
    retries: typeof retries === "number" ? retries : null,
    queue: text(queue),
  };
  if (!Array.isArray(stamped_headers)) return fields;
  const stampedHeaders = stamped_headers.filter((stamp) => typeof stamp === "string");
  const stamps = Object.fromEntries(stampedHeaders.map((stamp) => [stamp, document[stamp] ?? null]));
  return { ...fields, stampedHeaders, stamps };
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function time(value: unknown): string | null {
  if (value instanceof DateTime) return value.iso;
  if (!(value instanceof Date)) return text(value);
  const year = value.getUTCFullYear();
  return year >= 1 && year <= 9999 ? isoTime(value.getTime()) : null;
}

const bad = (what: string, value: unknown, expected: string): DecodeError =>
  new DecodeError(`${what} is ${shown(value)}; expected ${expected}`);

/** `date_done`: the moment as ISO text, in UTC or the application's zone. */
export const dateDone = (now: Date | number, timeZone = "UTC"): string => isoTime(Number(now), timeZone);
