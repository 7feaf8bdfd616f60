import { constants } from "node:os";
import { exactRepr } from "../../protocol/python-text.js";
import { matchingStamps, stampValues } from "../revoked.js";
import { type Arguments, type Command, CommandError, type ControlHost, ok } from "./command.js";

const DEFAULT_SIGNAL = "SIGTERM";
/** Results looked at and written side by side. */
const AT_ONCE = 20;

async function revoke(host: ControlHost, { task_id, terminate, signal }: Arguments): Promise<unknown> {
  const ids = idsOf(task_id);
  for (const id of ids) host.revoked.add(id);
  const wanted = isTrue(terminate) ? signalNumber(signal) : null;
  // A task that runs is left to its end: its worker says how that was.
  const active = host.activeIds();
  const unstarted = [...ids].filter((id) => !active.has(id));
  const terminated = new Set<string>();
  if (wanted !== null)
    for (const [request] of host.requests())
      if (ids.has(request.id) && !terminated.has(request.id)) {
        terminated.add(request.id);
        host.logger.info(`Terminating ${request.id} (${wanted})`, { taskId: request.id });
        host.terminate(request, wanted);
      }
  await markAll(host, unstarted);
  if (wanted === null) {
    host.logger.info(`Tasks flagged as revoked: ${[...ids].join(", ")}`);
    return ok(`tasks ${exactRepr(ids)} flagged as revoked`);
  }
  return ok(terminated.size === 0 ? "terminate: tasks unknown" : `terminate: ${[...terminated].join(", ")}`);
}

/** Some at a time: a list may be long, and the store has other work. */
async function markAll(host: ControlHost, ids: readonly string[]): Promise<void> {
  const rest = ids.values();
  const next = async (): Promise<void> => {
    for (const id of rest) await host.markRevoked(id);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, next));
}

function revokeByStamps(host: ControlHost, args: Arguments): unknown {
  const signum = signalNumber(args.signal);
  const headers = stampsOf(args.headers);
  for (const [name, stamps] of Object.entries(headers)) host.revoked.addStamp(name, stampValues(stamps));
  if (!isTrue(args.terminate)) return ok(`headers ${exactRepr(headers)} flagged as revoked, but not terminated`);
  const terminated = new Map<string, Set<unknown>>();
  for (const [request, state] of host.requests()) {
    if (state !== "active") continue;
    const matches = Object.entries(headers).flatMap(([name, stamps]) =>
      (request.task.stampedHeaders ?? []).includes(name)
        ? matchingStamps(request.task.stamps[name], stamps).map((value) => [name, value] as const)
        : [],
    );
    if (matches.length === 0) continue;
    for (const [name, value] of matches) terminated.set(name, (terminated.get(name) ?? new Set()).add(value));
    host.terminate(request, signum);
  }
  if (terminated.size === 0) return ok(`headers ${exactRepr(headers)} were not terminated`);
  return ok(`headers defaultdict(<class 'set'>, ${exactRepr(terminated)}) revoked`);
}

/** One id or a list of them. */
function idsOf(value: unknown): ReadonlySet<string> {
  const list: readonly unknown[] = Array.isArray(value) ? value : value === null || value === "" ? [] : [value];
  const wrong = list.find((one) => typeof one !== "string");
  if (wrong !== undefined) throw new CommandError("TypeError", `task_id must be a task id or a list of them`);
  return new Set(list as readonly string[]);
}

/** `{name: value or values}`, or a list of `"name=value"`. */
function stampsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value))
    return Object.fromEntries(
      value.map((one) => {
        const [name = "", stamp] = String(one).split("=");
        if (stamp === undefined) throw new CommandError("IndexError", "list index out of range");
        return [name, stamp];
      }),
    );
  if (typeof value !== "object" || value === null)
    throw new CommandError("AttributeError", "headers must be an object or a list");
  return value as Readonly<Record<string, unknown>>;
}

/** The number of a signal: `"SIGKILL"`, `"KILL"` or 9. */
function signalNumber(signal: unknown): number {
  const given = signal === undefined || signal === null || signal === "" || signal === 0 ? DEFAULT_SIGNAL : signal;
  if (typeof given === "number" && Number.isInteger(given)) return given;
  if (typeof given !== "string" || given === given.toLowerCase() || given !== given.toUpperCase())
    throw new CommandError("TypeError", "signal name must be uppercase string.");
  const name = given.startsWith("SIG") ? given : `SIG${given}`;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const number = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
  if (number === undefined) throw new CommandError("AttributeError", `module 'signal' has no attribute '${name}'`);
  return number;
}

/** As Python takes a value for a condition. */
export const isTrue = (value: unknown): boolean =>
  typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value);

export const revokeCommands: readonly Command[] = [
  { name: "revoke", required: ["task_id"], optional: ["terminate", "signal"], run: revoke },
  {
    name: "terminate",
    required: ["signal", "task_id"],
    run: (host, args) => revoke(host, { ...args, terminate: true }),
  },
  {
    name: "revoke_by_stamped_headers",
    required: ["headers"],
    optional: ["terminate", "signal"],
    run: revokeByStamps,
  },
];
