import { exactStr } from "../../protocol/python-text.js";
import type { Request, RequestState } from "../request.js";
import { type Arguments, type Command, CommandError, type ControlHost } from "./command.js";
import { isTrue } from "./revoke-commands.js";

/** A request as `inspect` shows it (celery/worker/request.py `info`). */
function taskInfo(request: Request, { hostname }: ControlHost, safe = false): Readonly<Record<string, unknown>> {
  const { task, name, id, startedAt, acknowledged, deliveryInfo } = request;
  return {
    id,
    name,
    args: safe ? task.argsrepr : task.args,
    kwargs: safe ? task.kwargsrepr : task.kwargs,
    type: name,
    hostname,
    time_start: startedAt === null ? null : startedAt / 1000,
    acknowledged,
    delivery_info: {
      exchange: deliveryInfo.exchange,
      routing_key: deliveryInfo.routingKey,
      priority: deliveryInfo.priority,
      redelivered: deliveryInfo.redelivered,
    },
    worker_pid: startedAt === null ? null : process.pid,
  };
}

const inState = (host: ControlHost, wanted: RequestState): Request[] =>
  [...host.requests()].flatMap(([request, state]) => (state === wanted ? [request] : []));

function queryTask(host: ControlHost, { ids }: Arguments): unknown {
  const wanted = new Set<unknown>(Array.isArray(ids) ? (ids as unknown[]) : [ids]);
  const found = [...host.requests()].filter(([request]) => wanted.has(request.id));
  return Object.fromEntries(found.map(([request, state]) => [request.id, [state, taskInfo(request, host)]]));
}

const DEFAULT_ITEMS = ["exchange", "routing_key", "rate_limit"];

/** `proj.add [rate_limit=10/m]`, in the order of the names. */
function registered(host: ControlHost, { taskinfoitems, builtins }: Arguments): string[] {
  if (taskinfoitems !== undefined && taskinfoitems !== null && !Array.isArray(taskinfoitems))
    throw new CommandError("TypeError", "taskinfoitems must be a list of names");
  const given = (taskinfoitems ?? []) as readonly unknown[];
  const items = (given.length > 0 ? given : DEFAULT_ITEMS).filter(
    (item): item is string => typeof item === "string" && !item.startsWith("_"),
  );
  const names = host.taskNames().filter((name) => isTrue(builtins) || !name.startsWith("celery."));
  return names.toSorted(byCodePoint).map((name) => {
    const options: Readonly<Record<string, unknown>> = {
      ...host.task(name)?.options,
      name,
      rateLimit: host.rateLimit(name),
    };
    const fields = items.flatMap((item) => {
      const value = options[item.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
      return ["string", "number", "boolean"].includes(typeof value) ? [`${item}=${exactStr(value)}`] : [];
    });
    return fields.length > 0 ? `${name} [${fields.join(" ")}]` : name;
  });
}

const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const inspectCommands: readonly Command[] = [
  {
    name: "active",
    alias: "dump_active",
    optional: ["safe"],
    run: (host, { safe }) => inState(host, "active").map((request) => taskInfo(request, host, isTrue(safe))),
  },
  {
    name: "reserved",
    alias: "dump_reserved",
    run: (host) => inState(host, "reserved").map((request) => taskInfo(request, host)),
  },
  {
    name: "scheduled",
    alias: "dump_schedule",
    run: (host) =>
      inState(host, "scheduled").map((request) => ({
        eta: request.task.eta,
        priority: 6,
        request: taskInfo(request, host),
      })),
  },
  { name: "query_task", required: ["ids"], run: queryTask },
  { name: "revoked", alias: "dump_revoked", run: (host) => host.revoked.ids() },
  { name: "registered", alias: "dump_tasks", optional: ["taskinfoitems", "builtins"], run: registered },
];
