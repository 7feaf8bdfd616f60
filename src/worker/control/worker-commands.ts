import { exactStr } from "../../protocol/python-text.js";
import { type Arguments, type Command, type ControlHost, NO_REPLY, ok } from "./command.js";

const ping = (): unknown => ok("pong");

function shutdown(host: ControlHost, { msg = "Got shutdown from remote" }: Arguments): unknown {
  host.logger.warn(exactStr(msg), { hostname: host.hostname });
  host.shutdown();
  return NO_REPLY;
}

function enableEvents(host: ControlHost): unknown {
  if (host.events) return ok("task events already enabled");
  host.events = true;
  host.logger.info("Events of group {task} enabled by remote.");
  return ok("task events enabled");
}

function disableEvents(host: ControlHost): unknown {
  if (!host.events) return ok("task events already disabled");
  host.events = false;
  host.logger.info("Events of group {task} disabled by remote.");
  return ok("task events disabled");
}

function heartbeat(host: ControlHost): unknown {
  host.heartbeat();
  return null;
}

const clock = (host: ControlHost): unknown => ({ clock: host.clock.value });

/** Asked by Python workers that start (celery/worker/consumer/mingle.py). */
function hello(host: ControlHost, { from_node: from, revoked }: Arguments): unknown {
  if (from === host.hostname) return null;
  for (const id of idsOf(revoked)) if (!host.revoked.has(id)) host.revoked.add(id);
  host.revoked.purge();
  return { revoked: host.revoked.ids(), clock: host.clock.forward() };
}

/** A list of ids (Celery 5.7), or an object whose keys they are. */
function idsOf(revoked: unknown): string[] {
  if (typeof revoked !== "object" || revoked === null) return [];
  const ids: readonly unknown[] = Array.isArray(revoked) ? revoked : Object.keys(revoked);
  return ids.filter((id) => typeof id === "string");
}

/** What is about the worker as a whole. */
export const workerCommands: readonly Command[] = [
  { name: "ping", run: ping },
  { name: "shutdown", optional: ["msg"], run: shutdown },
  { name: "enable_events", strict: true, run: enableEvents },
  { name: "disable_events", strict: true, run: disableEvents },
  { name: "heartbeat", strict: true, run: heartbeat },
  { name: "clock", run: clock },
  { name: "hello", required: ["from_node"], optional: ["revoked"], run: hello },
];
