import { Ignore, OperationalError, Reject } from "../errors.js";
import { isoTime } from "../protocol/iso-time.js";
import { saferepr } from "../protocol/saferepr.js";
import { RetryRequest } from "./context.js";
import type { Outcome } from "./execute.js";
import type { Forwarder, Links } from "./forward.js";
import type { Request } from "./request.js";
import type { Results } from "./results.js";
import type { Logger } from "../util/logger.js";

export interface FinishHost {
  readonly results: Results;
  readonly forwarder: Forwarder;
  readonly accept: ReadonlySet<string>;
  readonly logger: Logger;
}

/**
 * What follows a run: next steps, the stored state, the acknowledgement, in Celery's order (celery/app/trace.py): steps
 * are sent before the result is stored, and a late acknowledgement comes last. Never rejects.
 */
export async function finish(request: Request, outcome: Outcome, host: FinishHost): Promise<void> {
  const late = request.acksLate;
  try {
    const requeue = await conclude(request, outcome, host);
    if (!late) return;
    if (requeue === null) await request.delivery.ack();
    else await request.delivery.reject({ requeue });
  } catch (error) {
    host.logger.error("the outcome of a task could not be recorded", { taskId: request.id, task: request.name, error });
    // With late acknowledgement the message goes back: the task runs again rather than ending without a trace.
    if (late) await request.delivery.reject({ requeue: true });
  }
}

/** Records the outcome. Resolves to null for "acknowledge", else to whether a rejected message is requeued. */
async function conclude(request: Request, outcome: Outcome, host: FinishHost): Promise<boolean | null> {
  try {
    if (outcome.ok) await succeed(request, outcome.value, host);
    else if (outcome.error instanceof RetryRequest) await retry(request, outcome.error, host);
    else if (outcome.error instanceof Reject) return outcome.error.requeue;
    else if (!(outcome.error instanceof Ignore)) return fail(request, outcome.error, host);
    return null;
  } catch (unwritten) {
    // What cannot be written or routed is the task's failure; a broker or a store that is away is not.
    if (unwritten instanceof OperationalError) throw unwritten;
    return fail(request, unwritten, host);
  }
}

async function succeed(request: Request, value: unknown, host: FinishHost): Promise<void> {
  if (request.task.callbacks?.length || request.task.chain?.length) await sendNext(request, value, host);
  if (request.storesResult) await host.results.success(request, value);
  host.logger.info("task succeeded", { taskId: request.id, task: request.name });
}

async function sendNext(request: Request, value: unknown, { forwarder, accept }: FinishHost): Promise<void> {
  const task = request.forForwarding(accept);
  const links = linksOf(request);
  const callbacks = task.callbacks ?? [];
  // Group callbacks go alone, all others together as one new group; a single one goes as it is.
  const groups = callbacks.filter((one) => one.subtask_type === "group");
  const others = callbacks.filter((one) => one.subtask_type !== "group");
  for (const group of callbacks.length > 1 ? groups : callbacks)
    request.addChild(await forwarder.send(group, [value], links));
  if (callbacks.length > 1 && others.length > 0) request.addChild(await forwarder.sendAsGroup(others, [value], links));
  const next = task.chain?.at(-1);
  if (next) request.addChild(await forwarder.send(next, [value], { ...links, chain: task.chain!.slice(0, -1) }));
}

async function fail(request: Request, error: unknown, host: FinishHost): Promise<boolean | null> {
  host.logger.error("task failed", { taskId: request.id, task: request.name, error });
  if (request.storesErrors) await host.results.failure(request, error);
  await failChain(request, error, host);
  const errbacks = request.task.errbacks ?? [];
  if (errbacks.length > 0) {
    const links = { ...linksOf(request), rootId: request.task.rootId ?? request.id };
    await host.forwarder.sendAsGroup(errbacks, [request.id], links).catch((unsent: unknown) => {
      // Running the task again would not mend what cannot be written or routed.
      if (unsent instanceof OperationalError) throw unsent;
      host.logger.error("the errbacks of a task could not be sent", { taskId: request.id, error: unsent });
    });
  }
  return request.acksOnFailure ? null : false;
}

/** Whoever waits for a later step of the chain learns that it will not run. */
async function failChain(request: Request, error: unknown, { results }: FinishHost): Promise<void> {
  for (const step of request.task.chain ?? []) {
    const id = step.options.task_id;
    if (typeof id !== "string") continue;
    const replyTo = typeof step.options.reply_to === "string" ? step.options.reply_to : request.task.replyTo;
    await results.failed({ id, replyTo, correlationId: id }, error, null);
  }
}

async function retry(request: Request, again: RetryRequest, host: FinishHost): Promise<void> {
  const { forwarder, accept, results, logger } = host;
  const task = request.forForwarding(accept);
  const { info } = request.delivery;
  const routing =
    info.exchange === "" ? { queue: info.routingKey } : { exchange: info.exchange, routingKey: info.routingKey };
  const { args = task.args, kwargs = task.kwargs } = again.changes;
  const next = {
    ...task,
    args,
    kwargs,
    ...(again.changes.args && { argsrepr: saferepr(args, { tuple: true }) }),
    ...(again.changes.kwargs && { kwargsrepr: saferepr(kwargs) }),
    retries: task.retries + 1,
    eta: isoTime(again.eta),
    // Python's own worker makes a retried task its own parent.
    parentId: task.parentId ?? task.id,
    priority: info.priority,
  };
  request.addChild({ id: request.id, parent: null, children: null });
  // Before the next attempt can end: RETRY must not arrive after its result. A store that is away does not stop it.
  if (request.storesResult || request.storesErrors)
    await results.retry(request, again.cause).catch((error: unknown) => {
      logger.error("RETRY could not be stored", { taskId: request.id, error });
    });
  await forwarder.publish(next, routing);
  logger.info("task will be retried", { taskId: request.id, task: request.name, eta: next.eta });
}

function linksOf({ task, id, delivery }: Request): Links {
  return { parentId: id, rootId: task.rootId ?? id, priority: delivery.info.priority };
}
