import { exactRepr } from "../../protocol/python-text.js";
import { type Arguments, type Command, CommandError, type ControlHost, nok, ok } from "./command.js";

const SECONDS: ReadonlyMap<string, number> = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3600],
]);

function rateLimit(host: ControlHost, { task_name: name, rate_limit: limit }: Arguments): unknown {
  const rate = readRate(limit);
  if (typeof rate === "string") return nok(`Invalid rate limit string: ${rate}`);
  if (typeof name !== "string" || !host.task(name)) return unknownTask(host, "Rate limit", name);
  host.setRateLimit(name, rate, limit as string | number | null);
  if (!limit) {
    host.logger.info(`Rate limits disabled for tasks of type ${name}`);
    return ok("rate limit disabled successfully");
  }
  host.logger.info(`New rate limit for tasks of type ${name}: ${exactRepr(limit)}.`);
  return ok("new rate limit set successfully");
}

/** Runs a second, null for no limit, or Python's words about a text that is no rate (celery/utils/time.py `rate`). */
function readRate(limit: unknown): number | null | string {
  if (!limit) return null;
  if (typeof limit === "number" || limit instanceof Number) return inRange(Number(limit), limit);
  if (typeof limit !== "string") throw new CommandError("TypeError", "rate_limit must be a text or a number");
  const [, runs = "", unit = ""] = /^([^/]*)\/?([^]*)$/.exec(limit) ?? [];
  const seconds = SECONDS.get(unit || "s");
  if (seconds === undefined) throw new CommandError("KeyError", unit);
  const isNumber = /^\s*[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(runs);
  if (!isNumber) return `ValueError(${exactRepr(`could not convert string to float: ${exactRepr(runs)}`)})`;
  return inRange(Number(runs.replaceAll("_", "")) / seconds, limit);
}

/** A task with a negative rate would never run again. */
function inRange(rate: number, given: unknown): number | null | string {
  if (rate >= 0 && Number.isFinite(rate)) return rate || null;
  return `ValueError(${exactRepr(`a rate limit is a number of at least 0, not ${exactRepr(given)}`)})`;
}

function timeLimit(host: ControlHost, { task_name: name, soft = null, hard = null }: Arguments): unknown {
  if (typeof name !== "string" || !host.task(name)) return unknownTask(host, "Change time limit", name);
  const limits = { soft: seconds("soft", soft), hard: seconds("hard", hard) };
  host.setTimeLimits(name, limits);
  host.logger.info(`New time limits for tasks of type ${name}: soft=${exactRepr(soft)} hard=${exactRepr(hard)}`);
  return ok("time limits set successfully");
}

/** Null, and 0, are no limit. */
function seconds(which: string, value: unknown): number | null {
  if (value === null) return null;
  const number = typeof value === "number" || value instanceof Number ? Number(value) : NaN;
  if (!(number >= 0)) throw new CommandError("TypeError", `${which} must be a number of seconds`);
  return number || null;
}

function unknownTask({ logger }: ControlHost, what: string, name: unknown): unknown {
  logger.error(`${what} attempt for unknown task ${exactRepr(name)}`);
  return nok("unknown task");
}

/** What changes how the tasks of one name are run. */
export const taskCommands: readonly Command[] = [
  { name: "rate_limit", required: ["task_name", "rate_limit"], run: rateLimit },
  { name: "time_limit", optional: ["task_name", "hard", "soft"], run: timeLimit },
];
