import type { CallOptions } from "../client/types.js";
import { isoTime } from "../protocol/iso-time.js";
import { saferepr } from "../protocol/saferepr.js";
import { now } from "../util/time.js";
import type { Forwarder } from "./forward.js";
import type { Request } from "./request.js";
import type { RetryPlan } from "./run/outcome.js";

/** Sends the next attempt: the same task, with what the plan changes (celery/app/task.py `signature_from_request`). */
export async function sendRetry(
  request: Request,
  { changes, eta, when }: RetryPlan,
  { forwarder, accept }: { readonly forwarder: Forwarder; readonly accept: ReadonlySet<string> },
): Promise<void> {
  const task = request.forForwarding(accept);
  const { info } = request.delivery;
  const { args = task.args, kwargs = task.kwargs, priority, expires, timeLimit, softTimeLimit, ...routing } = changes;
  const next = {
    ...task,
    args,
    kwargs,
    ...(changes.args && { argsrepr: saferepr(args, { tuple: true }) }),
    ...(changes.kwargs && { kwargsrepr: saferepr(kwargs) }),
    ...(expires !== undefined && {
      expires: isoTime(expires instanceof Date ? expires.getTime() : now() + expires * 1000),
    }),
    timeLimit: [timeLimit ?? task.timeLimit[0], softTimeLimit ?? task.timeLimit[1]] as const,
    retries: task.retries + 1,
    // No countdown is no eta: it need not go through the timer.
    eta: when === 0 ? null : isoTime(eta),
    // Python's own worker makes a retried task its own parent.
    parentId: task.parentId ?? task.id,
    priority: priority ?? info.priority,
  };
  await forwarder.publish(next, { ...wayBack(info, routing), ...routing }, request.task);
}

/** To where it came from, unless it is sent elsewhere. */
function wayBack(info: Request["deliveryInfo"], { queue, exchange, routingKey }: CallOptions): CallOptions {
  if (queue !== undefined || exchange !== undefined || routingKey !== undefined) return {};
  return info.exchange === "" ? { queue: info.routingKey } : { exchange: info.exchange, routingKey: info.routingKey };
}
