import type { CallOptions } from "../client/types.js";
import { isoTime } from "../protocol/iso-time.js";
import { saferepr } from "../protocol/saferepr.js";
import type { TaskRequest } from "../protocol/task-message.js";
import { now } from "../util/time.js";
import type { Forwarder } from "./forward.js";
import type { Request } from "./request.js";
import type { RetryPlan } from "./run/outcome.js";
import { retryArguments } from "./run/retry-arguments.js";

/** Sends the next attempt: the same task, with what the plan changes (celery/app/task.py `signature_from_request`). */
export async function sendRetry(
  request: Request,
  { changes, eta, when }: RetryPlan,
  { forwarder, accept }: { readonly forwarder: Forwarder; readonly accept: ReadonlySet<string> },
  parentId: string | null,
): Promise<void> {
  const task = request.forForwarding(accept);
  const { info } = request.delivery;
  const { options } = request.definition;
  const { queue, exchange, routingKey, timeLimit, softTimeLimit } = changes;
  const next = {
    ...task,
    ...newArguments(task, changes, options.params),
    ...(changes.expires !== undefined && { expires: expiry(changes.expires) }),
    timeLimit: [timeLimit ?? task.timeLimit[0], softTimeLimit ?? task.timeLimit[1]] as const,
    retries: task.retries + 1,
    // No countdown is no eta: it need not go through the timer.
    eta: when === 0 ? null : isoTime(eta),
    headers: changes.headers ?? task.headers,
    shadow: changes.shadow ?? task.shadow,
    ignoreResult: changes.ignoreResult ?? !request.storesResult,
    parentId,
    priority: changes.priority ?? info.priority ?? options.priority ?? null,
    lang: "js",
  };
  const { serializer = options.serializer, compression = options.compression } = changes;
  const route = given({ queue, exchange, routingKey });
  await forwarder.publish(
    next,
    { ...wayBack(info, route), ...route, ...given({ serializer, compression }) },
    request.task,
  );
}

function newArguments(
  task: TaskRequest,
  changes: RetryPlan["changes"],
  params: readonly string[] | undefined,
): Partial<TaskRequest> {
  if (!changes.args && !changes.kwargs) return {};
  const { args, kwargs } = retryArguments(params, task, changes);
  return { args, kwargs, argsrepr: saferepr(args, { tuple: true }), kwargsrepr: saferepr(kwargs) };
}

const expiry = (expires: number | Date): string =>
  isoTime(expires instanceof Date ? expires.getTime() : now() + expires * 1000);

/** Without what is undefined: it would hide what stands below it. */
const given = (options: { [K in keyof CallOptions]: CallOptions[K] | undefined }): CallOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** To where it came from, unless it is sent elsewhere. */
function wayBack(info: Request["deliveryInfo"], { queue, exchange, routingKey }: CallOptions): CallOptions {
  if (queue !== undefined || exchange !== undefined || routingKey !== undefined) return {};
  return info.exchange === "" ? { queue: info.routingKey } : { exchange: info.exchange, routingKey: info.routingKey };
}
