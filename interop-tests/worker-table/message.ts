import { isoTime } from "../../src/protocol/iso-time.js";
import type { Message } from "../../src/protocol/message.js";
import { saferepr } from "../../src/protocol/saferepr.js";
import { read } from "./ground.js";
import type { Row } from "./row.js";

/** The message as Python's client would send it, with what the row changes. */
export function taskMessage(row: Row, id: string, task: string): Message {
  const { args = [], kwargs = {}, embed, priority = 0, etaIn, expiresIn } = row;
  const moment = (seconds: number | undefined): string | null =>
    seconds === undefined ? null : isoTime(Date.now() + seconds * 1000);
  const headers = {
    ...{ lang: "py", task, id, shadow: null, eta: moment(etaIn), expires: moment(expiresIn) },
    ...{ group: null, group_index: null, retries: 0, timelimit: [null, null], root_id: id, parent_id: null },
    ...{ argsrepr: saferepr(args, { tuple: true }), kwargsrepr: saferepr(kwargs), origin: "gen1@table" },
    ...{ ignore_result: null, replaced_task_nesting: 0, stamped_headers: null, stamps: {} },
    ...row.headers,
  };
  const links = { callbacks: null, errbacks: null, chain: null, chord: null, ...embed };
  const content = row.bytes ?? JSON.stringify(row.body ?? [args, kwargs, links]);
  return {
    body: Buffer.from(content),
    contentType: row.contentType === undefined ? "application/json" : row.contentType,
    contentEncoding: row.contentEncoding === undefined ? "utf-8" : row.contentEncoding,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !row.without?.includes(name))),
    properties: { correlationId: id, replyTo: "reply-to", deliveryMode: 2, priority },
  };
}

/** A message as a line shows it. Who left `ignore_result` open means what Python means by false. */
export function shown(message: Message): unknown {
  const { headers, properties, contentType, contentEncoding } = message;
  // RabbitMQ's own note of where a dead letter came from.
  const own = Object.entries(headers).filter(([name]) => !/^x-(?:first-|last-)?death/.test(name));
  return { headers: Object.fromEntries(own), properties, contentType, contentEncoding, body: body(message) };
}

function body(message: Message): unknown {
  try {
    return read(message);
  } catch {
    return Buffer.from(message.body).toString("latin1");
  }
}
