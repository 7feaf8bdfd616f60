import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { encodeTable } from "../src/brokers/amqp/encode-table.js";
import { NotRegistered, TaskError, TimeoutError } from "../src/errors.js";
import { controlRequest, encodeControlReply, encodeControlRequest } from "../src/protocol/control.js";
import { encodeEnvelope } from "../src/protocol/envelope.js";
import { encodeEvent, eventDocument, type EventDocument, type EventFields } from "../src/protocol/event.js";
import { errorToException, pythonTraceback } from "../src/protocol/exception.js";
import { dumps } from "../src/protocol/json.js";
import type { Message } from "../src/protocol/message.js";
import {
  groupDocument,
  resultToDocument,
  rpcDocument,
  type ResultNode,
  type ResultRecord,
} from "../src/protocol/result.js";
import { encodeContent } from "../src/protocol/serializers/registry.js";
import { signatureDocument } from "../src/protocol/signature.js";
import { encodeTask, taskRequest, type TaskRequest } from "../src/protocol/task-message.js";
import { Decimal, Float, PlainDate, Uuid } from "../src/protocol/values.js";
import { isUntyped } from "./decode-values.js";
import { canonical, toNeutral } from "./neutral.js";
import { serializerNames } from "./reverse-values.js";

/** One question to Python, and what its answer has to be (or the part of it that `pick` takes). */
export interface Case {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
  readonly pick?: (answer: unknown) => unknown;
}

type Fields = Record<string, unknown>;

const ID = "8bf4f0b0-0000-4000-8000-000000000001";
const OTHER = "8bf4f0b0-0000-4000-8000-000000000002";
const GROUP = "8bf4f0b0-0000-4000-8000-000000000003";

const envelope = (message: Message): string =>
  encodeEnvelope(message, { exchange: "", routingKey: "celery" }, { deliveryTag: "tag-1" });

const only =
  (names: readonly string[]) =>
  (answer: unknown): unknown =>
    Object.fromEntries(names.map((name) => [name, (answer as Fields)[name]]));

const later = signatureDocument({ task: "app.mul", args: [2], options: { task_id: OTHER } });

function requests(version: string): Readonly<Record<string, Partial<TaskRequest>>> {
  return {
    plain: { args: [1, 2] },
    "no arguments": {},
    keywords: { kwargs: { x: 1, y: [null, { z: true }] } },
    "all ids": { rootId: OTHER, parentId: OTHER, group: GROUP, groupIndex: 300, replyTo: OTHER },
    eta: { eta: "2026-11-20T15:52:33.333320+00:00", expires: "2999-01-01T00:00:00+00:00" },
    "eta in another zone": { eta: "2026-11-20T15:52:33+05:30" },
    limits: { timeLimit: [300, 240.5], retries: 200, shadow: "shown" },
    links: { callbacks: [later], errbacks: [later, later] },
    chain: { chain: [later, signatureDocument({ task: "app.add", immutable: true })] },
    "end of a chain": { chain: [] },
    chord: { group: GROUP, groupIndex: 0, chord: signatureDocument({ task: "app.tsum", options: { task_id: OTHER } }) },
    "own headers": { headers: { tenant: "acme", n: -129, big: 2 ** 40, list: [1, "é"], table: { deep: { k: 1 } } } },
    numbers: { args: [2n ** 70n, -(2n ** 60n), new Float(1), 0.1, -0, NaN, 1e22, 5e-324] },
    text: { args: ["é😀\u2028\u0000'\"\\"], kwargs: { ключ: "значение" } },
    reprs: { args: ["secret"], argsrepr: "('***',)", kwargsrepr: "{}" },
    "ignored result": { ignoreResult: true, origin: "gen1@host", lang: "js" },
    ...(!isUntyped(version) && {
      typed: {
        args: [new Date(0), new Decimal("1.10"), new Uuid(ID), new PlainDate("2026-01-02"), Buffer.from([0, 255])],
      },
      stamps: { stampedHeaders: ["tenant"], stamps: { tenant: ["a", 1] }, replacedTaskNesting: 2 },
    }),
  };
}

function describe(request: TaskRequest): Fields {
  const { timeLimit, eta, expires, callbacks, errbacks, chain, chord, ...rest } = request;
  return {
    ...rest,
    timelimit: timeLimit,
    etaText: eta,
    expiresText: expires,
    embed: { callbacks, errbacks, chain, chord },
  };
}

const COMMON = [
  "id",
  "task",
  "args",
  "kwargs",
  "group",
  "groupIndex",
  "retries",
  "timelimit",
  "etaText",
  "expiresText",
];
const SECOND = ["rootId", "parentId", "shadow", "argsrepr", "kwargsrepr", "origin", "ignoreResult", "lang", "embed"];
const THIRD = ["stampedHeaders", "stamps", "replacedTaskNesting"];

function tasks(version: string, protocol: 1 | 2): Case[] {
  return Object.entries(requests(version)).flatMap(([name, given]) => {
    const request = taskRequest({ id: ID, task: "app.add", ...given });
    const names = protocol === 2 ? [...COMMON, ...SECOND, ...THIRD, "correlationId"] : COMMON;
    const kinds =
      name === "plain"
        ? serializerNames.flatMap((serializer) =>
            [null, "gzip", "bzip2"].map((compression) => ({ serializer, compression })),
          )
        : [{ serializer: "json", compression: null }];
    return kinds.map(({ serializer, compression }) => ({
      name: `${name} ${serializer} ${compression ?? ""}`,
      request: { op: "task", envelope: envelope(encodeTask(request, { protocol, serializer, compression })) },
      expected: toNeutral({ ...(only(names)(describe(request)) as Fields), protocol, deliveryTag: "tag-1" }),
      pick: (answer: unknown) => {
        const { request: read, deliveryTag } = answer as { request: Fields; deliveryTag: string };
        return { ...(only(names)(read) as Fields), protocol: read["protocol"], deliveryTag };
      },
    }));
  });
}

/** Headers that are not the protocol's reach `task.request.headers`, which Celery 5.2 does not have. */
function ownHeaders(version: string): Case[] {
  if (isUntyped(version)) return [];
  const headers = { tenant: "acme", n: -129, big: 2 ** 40, list: [1, "é"], table: { deep: { k: 1 } } };
  const request = taskRequest({ id: ID, task: "app.add", headers });
  return ([1, 2] as const).map((protocol) => ({
    name: `protocol ${protocol}`,
    request: { op: "task", envelope: envelope(encodeTask(request, { protocol })) },
    expected: toNeutral(headers),
    pick: (answer: unknown) => (answer as { request: Fields }).request["headers"],
  }));
}

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

function results(): Case[] {
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

function exceptions(): Case[] {
  return Object.entries(thrown()).map(([name, [error, type, module, str]]) => ({
    name,
    request: { op: "exception", text: dumps(errorToException(error)) },
    expected: toNeutral({ type, module, str }),
    pick: class_,
  }));
}

/** FAILURE, RETRY and REVOKED, in every serializer and as rpc bodies. */
function failures(): Case[] {
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

function groups(): Case[] {
  const parents = [null, node(OTHER)];
  return parents.map((parent) => ({
    name: parent ? "with parent" : "plain",
    request: { op: "group", text: dumps(groupDocument(node(GROUP, parent, [node(ID), node(OTHER)]))) },
    expected: toNeutral({ type: "GroupResult", id: GROUP, members: [ID, OTHER], parent: parent?.id ?? null }),
  }));
}

const worker = {
  freq: 2,
  active: 1,
  processed: 9,
  loadavg: [0.5, 1, 1.25],
  sw_ident: "celeriac",
  sw_ver: "0.1.0",
  sw_sys: "Linux",
};
const known = { uuid: ID, name: "app.add", args: "(1,)", kwargs: "{}", retries: 0, eta: null, expires: null };
const EVENTS: EventFields = {
  "worker-online": worker,
  "worker-heartbeat": worker,
  "worker-offline": worker,
  "task-sent": { ...known, root_id: ID, parent_id: null, queue: "celery", exchange: "", routing_key: "celery" },
  "task-received": { ...known, root_id: ID, parent_id: null },
  "task-started": { uuid: ID },
  "task-succeeded": { uuid: ID, result: "{'é': 3}", runtime: 0.25 },
  "task-failed": { uuid: ID, exception: "ValueError('boom')", traceback: "Traceback ..." },
  "task-retried": { uuid: ID, exception: "KeyError('x')", traceback: null },
  "task-rejected": { uuid: ID, requeue: true },
  "task-revoked": { uuid: ID, terminated: true, signum: "SIGTERM", expired: false },
  "task-cancelled": { uuid: ID },
};

function events(): Case[] {
  const sender = { hostname: "ts1@host", clock: 7, timestamp: 1795190006.957 };
  const all = Object.entries(EVENTS).map(([type, fields]) =>
    eventDocument(type as "task-started", fields as { uuid: string }, sender),
  );
  const started = all.filter(({ type }) => type.startsWith("task-"));
  const one = (event: EventDocument | readonly EventDocument[], name: string): Case => ({
    name,
    request: { op: "event", envelope: envelope(encodeEvent(event)) },
    expected: toNeutral({
      types: (Array.isArray(event) ? (event as EventDocument[]) : [event as EventDocument]).map(({ type }) => type),
      headers: { hostname: "ts1@host" },
      content: event,
    }),
  });
  return [...all.map((event) => one(event, event.type)), one(started, "a batch")];
}

const NODE = "worker1@host";

function controls(): Case[] {
  const replyTo = { exchange: "reply.celery.pidbox", routingKey: OTHER };
  const table = {
    "to all": { request: { method: "ping" }, runs: true },
    "with arguments": {
      request: { method: "rate_limit", arguments: { task_name: "app.add", rate_limit: "10/m" } },
      runs: true,
    },
    "to this node": { request: { method: "ping", destination: [NODE] }, runs: true },
    "to another node": { request: { method: "ping", destination: ["w2@host"] }, runs: false },
    "by glob": { request: { method: "ping", pattern: "worker*", matcher: "glob" }, runs: true },
    "by another glob": { request: { method: "ping", pattern: "x*", matcher: "glob" }, runs: false },
    "by expression": { request: { method: "ping", pattern: "w\\w+\\d@", matcher: "pcre" }, runs: true },
    "for an answer": { request: { method: "ping", ticket: ID, replyTo }, runs: true },
  };
  return Object.entries(table).map(([name, { request, runs }]) => {
    const body = controlRequest(request) as Fields;
    return {
      name,
      request: {
        op: "control",
        node: NODE,
        method: request.method,
        envelope: envelope(encodeControlRequest(request, { clock: 12 })),
      },
      expected: toNeutral({
        ran: runs ? [body["arguments"]] : [],
        clock: 12,
        ticket: body["ticket"] ?? null,
        replyTo: body["reply_to"] ?? null,
      }),
    };
  });
}

function replies(): Case[] {
  const answers = { ok: "pong", list: [1, null], clock: new Float(3) };
  return [{ ticket: ID, clock: 5 }].map((options) => ({
    name: "reply",
    request: { op: "reply", envelope: envelope(encodeControlReply(NODE, answers, options)) },
    expected: toNeutral({ headers: options, content: { [NODE]: answers } }),
  }));
}

function signatures(): Case[] {
  const one = signatureDocument({ task: "app.add", args: [1, 2], options: { queue: "orders", countdown: 1.5 } });
  const next = signatureDocument({ task: "app.mul", args: [3], immutable: true });
  const tasks = [one, next];
  const table = {
    Signature: one,
    _chain: signatureDocument({ task: "celery.chain", kwargs: { tasks }, subtask_type: "chain" }),
    group: signatureDocument({ task: "celery.group", kwargs: { tasks }, subtask_type: "group" }),
    _chord: signatureDocument({
      task: "celery.chord",
      kwargs: { kwargs: {}, header: tasks, body: next },
      subtask_type: "chord",
    }),
  };
  return Object.entries(table).map(([name, document]) => ({
    name,
    request: { op: "signature", text: dumps(document) },
    expected: toNeutral({ class: name, task: document.task, immutable: document.immutable, frozen: true }),
    pick: only(["class", "task", "immutable", "frozen"]),
  }));
}

interface Codec {
  encodeTable(buffer: Buffer, table: object, offset: number): number;
}
// amqplib exports its wire format to nobody, so it is taken by its path.
const load = createRequire(import.meta.url);
const codec = load(join(dirname(load.resolve("amqplib")), "lib", "codec.js")) as Codec;

/** Header tables as amqplib writes what our driver hands it; whole floats and wide negatives may change their kind. */
function tables(): Case[] {
  const values: Fields = {
    integers: [0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65536, 2147483647, 2147483648],
    wide: [-2147483648, -2147483649, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2n ** 62n],
    floats: [0.5, -0.1, 1e300, new Float(2)],
    others: [true, false, null, "é😀", ""],
    deep: { a: { b: [{ c: [] }, {}] } },
    timelimit: [300, 240],
  };
  return Object.entries(values).map(([name, value]) => {
    const buffer = Buffer.alloc(65536);
    const size = codec.encodeTable(buffer, encodeTable({ k: value }), 0);
    return {
      name,
      request: { op: "table", body: buffer.subarray(0, size).toString("base64") },
      expected: toNeutral({ k: value }, { plainFloats: true }),
      pick: (answer: unknown) => canonical(answer, { plainFloats: true }),
    };
  });
}

export const documentCases: Readonly<Record<string, (version: string) => Case[]>> = {
  "task messages, protocol 2": (version) => tasks(version, 2),
  "task messages, protocol 1": (version) => tasks(version, 1),
  "a task's own headers": ownHeaders,
  "result documents": results,
  "failed, retried and revoked results": failures,
  exceptions,
  "saved groups": groups,
  events,
  "control requests": controls,
  "control replies": replies,
  signatures,
  "AMQP header tables": tables,
};
