import { noOriginProperty, nullRetries, protocolOne, rejectedInstead } from "./differences.js";
import type { Row } from "./row.js";

/** wire/protocol-and-worker.md 1.4: messages that no client should send. */

const links = { callbacks: null, errbacks: null, chain: null, chord: null };
const add = { does: "add", args: [1, 2] } as const;
const v2 = [
  "lang",
  "task",
  "id",
  "shadow",
  "eta",
  "expires",
  "group",
  "group_index",
  "retries",
  "timelimit",
  "root_id",
];
const everyHeader = [...v2, "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting"];
const none = { without: [...everyHeader, "stamped_headers", "stamps"] };
const succeeds = ["SUCCESS", "task-succeeded"];
const fails = ["FAILURE", "task-failed"];

export const oddRows: readonly Row[] = [
  { what: "an unknown task", until: fails },
  { what: "an unknown task in protocol 1", ...none, body: { task: "table.nobody", id: "$ID", args: [] }, until: fails },
  { what: "a content type that is not accepted", ...add, contentType: "application/x-python-serialize", until: [] },
  { what: "a content type with a parameter", ...add, contentType: "application/json; charset=utf-8", until: [] },
  { what: "plain text", ...add, contentType: "text/plain", bytes: "hello", until: [] },
  { what: "JSON that is cut off", ...add, bytes: "[[1, 2], {", until: [] },
  { what: "an unknown type marker", ...add, body: [[{ __type__: "never", __value__: 1 }], {}, links], until: [] },
  { what: "an unknown compression", ...add, headers: { compression: "application/x-never" }, until: [] },
  { what: "a body that is not compressed", ...add, headers: { compression: "application/x-gzip" }, until: [] },
  { what: "an eta that is no date", ...add, headers: { eta: "tomorrow" }, until: [] },
  { what: "an eta that is a number", ...add, headers: { eta: 12 }, until: [] },
  { what: "an expires that is no date", ...add, headers: { expires: "never" }, until: [] },
  { what: "an expires that is a number", ...add, headers: { expires: 12 }, until: [] },
  { what: "no task at all", ...add, without: ["task"], body: [1, 2, 3], until: [] },
  { what: "an object without a task", ...add, without: ["task"], body: { hello: "world" }, until: [] },
  { what: "args that are null", ...add, body: [null, {}, links], differs: [rejectedInstead], until: [] },
  { what: "args that are an object", ...add, body: [{ a: 1, b: 2 }, {}, links], differs: [rejectedInstead], until: [] },
  { what: "kwargs that are null", ...add, body: [[1, 2], null, links], differs: [rejectedInstead], until: [] },
  { what: "kwargs that are an array", ...add, body: [[1, 2], [], links], differs: [rejectedInstead], until: [] },
  { what: "no links", ...add, body: [[1, 2], {}, null], until: succeeds },
  { what: "links that are empty", ...add, body: [[1, 2], {}, {}], until: succeeds },
  {
    what: "callbacks that are no list",
    ...add,
    body: [[1, 2], {}, { ...links, callbacks: { task: "x" } }],
    differs: [rejectedInstead],
    until: [],
  },
  { what: "only the headers that are needed", ...add, without: everyHeader.slice(3), until: succeeds },
  { what: "retries that are null", ...add, headers: { retries: null }, differs: [nullRetries], until: succeeds },
  {
    what: "protocol 1",
    ...none,
    does: "add",
    body: { task: "$TASK", id: "$ID", args: [1, 2] },
    differs: [protocolOne("(1, 2)")],
    until: succeeds,
  },
  {
    what: "protocol 1 with everything",
    ...none,
    does: "retry",
    body: {
      ...{ task: "$TASK", id: "$ID", args: [{ times: 9, countdown: 60, queue: "$NEXT" }], kwargs: {}, group: "$A" },
      ...{ group_index: 1, retries: 1, eta: null, expires: "$SOON", utc: true },
      ...{ callbacks: null, errbacks: null, timelimit: [100, 50], taskset: "$A", chord: null },
    },
    differs: [protocolOne("({'times': 9, 'countdown': 60, 'queue': 'NEXT'},)"), noOriginProperty],
    until: ["RETRY", "next"],
  },
  {
    what: "protocol 1, kwargs null",
    ...none,
    does: "add",
    body: { task: "$TASK", id: "$ID", kwargs: null },
    until: [],
  },
  {
    what: "a hybrid of both protocols",
    does: "add",
    body: { task: "ignored", id: "ignored", args: [1, 2], kwargs: {}, retries: 7, callbacks: null },
    until: succeeds,
  },
];

export interface KillingRow extends Row {
  /** Where Python's worker does not end: there it takes the error for a lost connection, and connects again for ever. */
  readonly reconnectsOn?: string;
}

/** What ends a Python worker: ours rejects it, says so, and goes on. */
export const killingRows: readonly KillingRow[] = [
  { what: "a body of two elements", ...add, body: [[1, 2], {}], until: [] },
  { what: "a body of four elements", ...add, body: [[1, 2], {}, links, null], until: [] },
  { what: "a body that is an object without args", ...add, body: { kwargs: {} }, until: [] },
  { what: "a body that is a number", ...add, body: 42, until: [] },
  { what: "no content type", ...add, contentType: null, until: [] },
  { what: "no id", ...add, without: ["id"], reconnectsOn: "redis", until: [] },
  { what: "an unknown task without id", without: ["id"], until: [] },
  { what: "an empty eta", ...add, headers: { eta: "" }, until: [] },
  { what: "an empty expires", ...add, headers: { expires: "" }, until: [] },
  { what: "a time limit of one element", ...add, headers: { timelimit: [1] }, until: [] },
];
