import { isDeepStrictEqual } from "node:util";
import { NotSupported } from "../errors.js";
import type { SignatureDocument } from "../protocol/signature.js";
import type { Forwarder } from "./forward.js";
import type { Request } from "./request.js";

/**
 * Sends the task that goes on in this one's place (celery/app/task.py `Task.replace`): it has this one's id and
 * everything that was to follow it. Throws `NotSupported` for more than a single task.
 */
export async function replace(
  request: Request,
  signature: SignatureDocument,
  host: { readonly forwarder: Forwarder; readonly accept: ReadonlySet<string> },
): Promise<void> {
  if (signature.subtask_type !== null)
    throw new NotSupported(`a task can be replaced by another task, not by a ${signature.subtask_type} yet`);
  const task = request.forForwarding(host.accept);
  const nesting = task.replacedTaskNesting + 1;
  const options = {
    ...signature.options,
    task_id: request.id,
    root_id: task.rootId,
    parent_id: request.id,
    group_id: task.group,
    group_index: task.groupIndex,
    chord: task.chord,
    replaced_task_nesting: nesting,
    link: linked(signature.options.link, task.callbacks),
    link_error: linked(signature.options.link_error, task.errbacks),
    reply_to: task.replyTo,
  };
  const links = {
    parent: request.task,
    parentId: request.id,
    rootId: task.rootId ?? request.id,
    priority: request.priority,
    own: true,
  };
  const chain = task.chain?.map((step) => ({ ...step, options: { ...step.options, replaced_task_nesting: nesting } }));
  await host.forwarder.send({ ...signature, options }, [], { ...links, ...(chain && { chain }) });
}

/** What follows the replacement, then what was to follow the task; the same one once. */
function linked(own: unknown, inherited: readonly SignatureDocument[] | null): readonly unknown[] | null {
  const links: unknown[] = own === null || own === undefined ? [] : [own].flat();
  for (const one of inherited ?? []) if (!links.some((other) => isDeepStrictEqual(other, one))) links.push(one);
  return links.length > 0 ? links : null;
}
