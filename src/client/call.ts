import { ImproperlyConfigured } from "../errors.js";
import { isoTime } from "../protocol/iso-time.js";
import { saferepr } from "../protocol/saferepr.js";
import type { SignatureDocument } from "../protocol/signature.js";
import type { TaskRequest } from "../protocol/task-message.js";
import { newId, originName } from "../util/id.js";
import { now } from "../util/time.js";
import type { Config } from "./config.js";
import { currentTask } from "./current-task.js";
import { unknownName } from "./settings.js";
import { MOST_SECONDS, checkTimeLimits } from "./time-limits.js";
import type { AnySignature, CallOptions } from "./types.js";

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof CallOptions>([
  ...(["taskId", "kwargs", "countdown", "eta", "expires", "queue", "exchange", "routingKey", "priority"] as const),
  ...(["serializer", "compression", "headers", "timeLimit", "softTimeLimit", "ignoreResult", "shadow"] as const),
  ...(["link", "linkError", "stamps", "properties", "retry", "retryPolicy", "signal"] as const),
]);

const NONE: readonly [null, null] = Object.freeze([null, null]);
const NO_STAMPS = Object.freeze({});
const origin = originName();

/** One call as what travels (celery/app/base.py `send_task`). Throws `ImproperlyConfigured` for options that cannot be meant. */
export function buildRequest(
  name: string,
  args: readonly unknown[],
  options: Readonly<CallOptions>,
  config: Readonly<Config>,
  replyTo: string | null,
): TaskRequest {
  for (const key in options)
    if (!OPTION_NAMES.has(key)) throw unknownName(`call option of ${name}`, key, [...OPTION_NAMES]);
  const id = checkId(options.taskId) ?? newId();
  const kwargs = options.kwargs ?? {};
  const { timeLimit, softTimeLimit, priority } = options;
  checkTimeLimits(softTimeLimit, timeLimit);
  const parent = currentTask();
  const inherited = config.taskInheritParentPriority ? parent?.priority : undefined;
  const stamps = options.stamps ?? NO_STAMPS;
  const stampNames = Object.keys(stamps);
  const maxLength = config.taskArgsreprMaxsize;
  return {
    id,
    task: name,
    args,
    kwargs,
    rootId: parent ? (parent.rootId ?? parent.id) : id,
    parentId: parent?.id ?? null,
    group: null,
    groupIndex: null,
    shadow: options.shadow ?? null,
    eta: etaText(options),
    expires: expiresText(options.expires),
    retries: 0,
    timeLimit:
      timeLimit === undefined && softTimeLimit === undefined ? NONE : [timeLimit ?? null, softTimeLimit ?? null],
    argsrepr: saferepr(args, { tuple: true, maxLength }),
    kwargsrepr: saferepr(kwargs, { maxLength }),
    origin,
    ignoreResult: options.ignoreResult ?? null,
    replacedTaskNesting: 0,
    stampedHeaders: stampNames.length > 0 ? stampNames : null,
    stamps,
    headers: options.headers ?? NO_STAMPS,
    callbacks: documents(options.link),
    errbacks: documents(options.linkError),
    chain: null,
    chord: null,
    replyTo,
    correlationId: id,
    priority: checkPriority(priority) ?? inherited ?? config.taskDefaultPriority,
    lang: "js",
    protocol: config.taskProtocol,
  };
}

function documents(signatures: CallOptions["link"]): readonly SignatureDocument[] | null {
  if (signatures === undefined) return null;
  const list = (Array.isArray(signatures) ? signatures : [signatures]) as readonly AnySignature[];
  return list.length === 0 ? null : list.map((one) => one.toJSON());
}

function etaText({ eta, countdown }: Readonly<CallOptions>): string | null {
  if (eta !== undefined) return isoTime(checkDate("eta", eta));
  if (countdown === undefined) return null;
  return isoTime(now() + checkSeconds("countdown", countdown) * 1000);
}

function expiresText(expires: number | Date | undefined): string | null {
  if (expires === undefined) return null;
  return isoTime(
    expires instanceof Date ? checkDate("expires", expires) : now() + checkSeconds("expires", expires) * 1000,
  );
}

function checkDate(option: string, value: Date): number {
  const time = value instanceof Date ? value.getTime() : NaN;
  if (Number.isNaN(time)) throw new ImproperlyConfigured(`${option} is not a valid Date`);
  return time;
}

function checkSeconds(option: string, value: number): number {
  if (typeof value !== "number" || !(Math.abs(value) <= MOST_SECONDS))
    throw new ImproperlyConfigured(`${option} is ${String(value)}; expected seconds, at most ${MOST_SECONDS}`);
  return value;
}

function checkPriority(value: number | undefined): number | undefined {
  if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 255))
    throw new ImproperlyConfigured(`priority is ${String(value)}; expected a whole number from 0 to 255`);
  return value;
}

function checkId(value: string | undefined): string | undefined {
  if (value !== undefined && (typeof value !== "string" || value === ""))
    throw new ImproperlyConfigured(`taskId is ${JSON.stringify(value)}; expected a text that is not empty`);
  return value;
}
