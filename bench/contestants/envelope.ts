/** The message that a bare driver has to build by itself: the same bytes, more or less, as a Celery client's. */
import { randomUUID } from "node:crypto";

const origin = `gen${process.pid}@bench`;
const embed = { callbacks: null, errbacks: null, chain: null, chord: null };

export function headers(id: string): Record<string, unknown> {
  return {
    ...{ lang: "js", task: "bench.noop", id, shadow: null, eta: null, expires: null, group: null, group_index: null },
    ...{ retries: 0, timelimit: [null, null], root_id: id, parent_id: null, argsrepr: "(1, 2)", kwargsrepr: "{}" },
    ...{ origin, ignore_result: true, replaced_task_nesting: 0, stamped_headers: null, stamps: {} },
  };
}

export const body = (): Buffer => Buffer.from(JSON.stringify([[1, 2], {}, embed]));

export function envelope(queue: string): string {
  const id = randomUUID();
  return JSON.stringify({
    body: body().toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: headers(id),
    properties: {
      ...{ correlation_id: id, reply_to: "", delivery_mode: 2, delivery_info: { exchange: "", routing_key: queue } },
      ...{ priority: 0, body_encoding: "base64", delivery_tag: randomUUID() },
    },
  });
}
