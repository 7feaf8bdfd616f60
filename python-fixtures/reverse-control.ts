import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { encodeTable } from "../src/brokers/amqp/encode-table.js";
import { controlRequest, encodeControlReply, encodeControlRequest } from "../src/protocol/control.js";
import { encodeEvent, eventDocument, type EventDocument, type EventFields } from "../src/protocol/event.js";
import { dumps } from "../src/protocol/json.js";
import { signatureDocument } from "../src/protocol/signature.js";
import { Float } from "../src/protocol/values.js";
import { canonical, toNeutral } from "./neutral.js";
import { ID, OTHER, envelope, only, type Case, type Fields } from "./reverse-case.js";

/** Events, remote control, signatures and AMQP header tables of ours. */

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

export function events(): Case[] {
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

export function controls(): Case[] {
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

export function replies(): Case[] {
  const answers = { ok: "pong", list: [1, null], clock: new Float(3) };
  return [{ ticket: ID, clock: 5 }].map((options) => ({
    name: "reply",
    request: { op: "reply", envelope: envelope(encodeControlReply(NODE, answers, options)) },
    expected: toNeutral({ headers: options, content: { [NODE]: answers } }),
  }));
}

export function signatures(): Case[] {
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
export function tables(): Case[] {
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
