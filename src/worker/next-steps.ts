import { OperationalError } from "../errors.js";
import type { Logger } from "../util/logger.js";
import type { Forwarder, Links } from "./forward.js";
import type { Request } from "./request.js";
import type { Results } from "./results.js";

interface StepsHost {
  readonly results: Results;
  readonly forwarder: Forwarder;
  readonly accept: ReadonlySet<string>;
  readonly logger: Logger;
}

/** Sends what follows a success: callbacks, then the next step of the chain. */
export async function sendNext(request: Request, value: unknown, { forwarder, accept }: StepsHost): Promise<void> {
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

/** Whoever waits for a later step of the chain learns that it will not run. */
export async function failChain(
  request: Request,
  error: unknown,
  traceback: string | null,
  { results }: StepsHost,
): Promise<void> {
  for (const step of request.task.chain ?? []) {
    const id = step.options.task_id;
    if (typeof id !== "string") continue;
    const replyTo = typeof step.options.reply_to === "string" ? step.options.reply_to : request.task.replyTo;
    await results.failed({ id, replyTo, correlationId: id }, error, traceback, {
      ...{ name: step.task, args: step.args, kwargs: step.kwargs, retries: 0 },
    });
  }
}

/** Tells those who asked to be told of a failure, with the id of the task. */
export async function sendErrbacks(request: Request, { forwarder, accept, logger }: StepsHost): Promise<void> {
  if (!request.task.errbacks?.length) return;
  const errbacks = request.forForwarding(accept).errbacks ?? [];
  const links = { ...linksOf(request), rootId: request.task.rootId ?? request.id };
  await forwarder.sendAsGroup(errbacks, [request.id], links).catch((unsent: unknown) => {
    // Running the task again would not mend what cannot be written or routed.
    if (unsent instanceof OperationalError) throw unsent;
    logger.error("the errbacks of a task could not be sent", { taskId: request.id, error: unsent });
  });
}

/** What the steps that follow a request take from it. */
export function linksOf({ task, id, delivery }: Request): Links {
  return { parent: task, parentId: id, rootId: task.rootId ?? id, priority: delivery.info.priority };
}
