import { NotRegistered, TaskError, TimeoutError } from "../src/errors.js";
import { errorToException, pythonTraceback } from "../src/protocol/exception.js";
import { dumps } from "../src/protocol/json.js";
import {
  groupDocument,
  resultToDocument,
  rpcDocument,
  type ResultNode,
  type ResultRecord,
} from "../src/protocol/result.js";
import { encodeContent } from "../src/protocol/serializers/registry.js";
import { Float } from "../src/protocol/values.js";
import { toNeutral } from "./neutral.js";
import { serializerNames } from "./reverse-values.js";
import { ID, OTHER, GROUP, type Case, type Fields } from "./reverse-case.js";

/** Results and exceptions of ours, for `AsyncResult` to read. */

class PaymentError extends Error {}
PaymentError.prototype.name = "PaymentError";

const node = (
  id: string,
  parent: ResultNode | null = null,
  children: readonly ResultNode[] | null = null,
): ResultNode => ({
  id,
  parent,
  children,
});

const record = (fields: Partial<ResultRecord> & Pick<ResultRecord, "status">): ResultRecord => ({
  taskId: ID,
  result: null,
  traceback: null,
  children: [],
  dateDone: null,
  ...fields,
});

const DONE = "2026-11-20T15:48:29.687293+00:00";

function records(): Readonly<Record<string, ResultRecord>> {
  return {
    success: record({ status: "SUCCESS", result: { a: [1, null, "é"], f: new Float(1) }, dateDone: DONE }),
    "whole second": record({ status: "SUCCESS", result: true, dateDone: "2026-11-20T15:48:29+00:00" }),
    children: record({
      status: "SUCCESS",
      dateDone: DONE,
      children: [node(OTHER, node(GROUP)), node(GROUP, null, [node(OTHER)])],
      groupId: GROUP,
      parentId: OTHER,
    }),
    "no request": record({ status: "SUCCESS", result: 1, children: null, dateDone: DONE }),
    started: record({ status: "STARTED", result: { pid: 1, hostname: "h" } }),
    progress: record({ status: "PROGRESS", result: { done: 1, of: 3 } }),
    extended: record({
      status: "SUCCESS",
      result: 3,
      dateDone: DONE,
      extended: { name: "app.add", args: [1], kwargs: {}, worker: "w@h", retries: 0, queue: "celery" },
    }),
  };
}

export function results(): Case[] {
  return serializerNames.flatMap((serializer) =>
    Object.entries(records()).map(([name, each]) => {
      const document = resultToDocument(each);
      const { result, children, ...meta } = document;
      const ids = (children as [[string]][] | null)?.map(([[id]]) => id) ?? [];
      return {
        name: `${name} ${serializer}`,
        request: { op: "result", serializer, body: content(document, serializer) },
        expected: toNeutral({ meta, children: ids, raised: null, result }),
      };
    }),
  );
}

const content = (document: unknown, serializer: string): string =>
  Buffer.from(encodeContent(document, serializer).body).toString("base64");

/** name -> [what was thrown, the class that Python raises, its module, its text] */
function thrown(): Readonly<Record<string, readonly [unknown, string, string, string]>> {
  return {
    Error: [new Error("boom"), "Exception", "builtins", "boom"],
    TypeError: [new TypeError("not a function"), "TypeError", "builtins", "not a function"],
    RangeError: [new RangeError("too far"), "RangeError", "celery.exceptions", "too far"],
    "own class": [new PaymentError("no money é😀"), "PaymentError", "celery.exceptions", "no money é😀"],
    "a text": ["just text", "Exception", "builtins", "just text"],
    "from Python": [
      new TaskError("x", { type: "ValueError", module: "builtins", args: ["boom", 1] }),
      "ValueError",
      "builtins",
      "('boom', 1)",
    ],
    "key error": [
      new TaskError("x", { type: "KeyError", module: "builtins", args: ["it's"] }),
      "KeyError",
      "builtins",
      `"it's"`,
    ],
    "Celery's own": [
      new NotRegistered("x", { type: "NotRegistered", module: "celery.exceptions", args: ["app.nope"] }),
      "NotRegistered",
      "celery.exceptions",
      "'app.nope'",
    ],
    timeout: [new TimeoutError("slow"), "TimeoutError", "celery.exceptions", "slow"],
  };
}

interface Raised {
  readonly type: string;
  readonly module: string;
  readonly str: string;
}

const class_ = (answer: unknown): unknown => {
  const { type, module, str } = answer as Raised;
  return { type, module, str };
};

export function exceptions(): Case[] {
  return Object.entries(thrown()).map(([name, [error, type, module, str]]) => ({
    name,
    request: { op: "exception", text: dumps(errorToException(error)) },
    expected: toNeutral({ type, module, str }),
    pick: class_,
  }));
}

/** FAILURE, RETRY and REVOKED, in every serializer and as rpc bodies. */
export function failures(): Case[] {
  const error = new PaymentError("no money");
  const traceback = pythonTraceback(error);
  return serializerNames.flatMap((serializer) =>
    (["FAILURE", "RETRY", "REVOKED"] as const).flatMap((status) =>
      [resultToDocument, rpcDocument].map((document) => ({
        name: `${status} ${serializer}`,
        request: {
          op: "result",
          serializer,
          body: content(document(record({ status, result: errorToException(error), traceback })), serializer),
        },
        expected: toNeutral({
          status,
          traceback,
          raised: { type: "PaymentError", module: "celery.exceptions", str: "no money" },
        }),
        pick: (answer: unknown) => {
          const { meta, raised } = answer as { meta: Fields; raised: Raised };
          return { status: meta["status"], traceback: meta["traceback"], raised: class_(raised) };
        },
      })),
    ),
  );
}

export function groups(): Case[] {
  const parents = [null, node(OTHER)];
  return parents.map((parent) => ({
    name: parent ? "with parent" : "plain",
    request: { op: "group", text: dumps(groupDocument(node(GROUP, parent, [node(ID), node(OTHER)]))) },
    expected: toNeutral({ type: "GroupResult", id: GROUP, members: [ID, OTHER], parent: parent?.id ?? null }),
  }));
}
