import type { TaskDefinition } from "../../client/task.js";
import { nodeFromTuple, resultTuple } from "../../protocol/result.js";
import { readSignature } from "../../protocol/signature.js";
import { Forwarder } from "../forward.js";
import { linksOf } from "../next-steps.js";
import { namedArguments } from "./arguments.js";
import { type BuiltinHost, exactMessage, thisRequest } from "./host.js";
import { items } from "./iterate.js";

/** `celery.group(tasks, result, group_id, partial_args)`: Celery 3 sent groups as tasks. */
export const group = (host: BuiltinHost): TaskDefinition => ({
  options: {},
  takesMessage: true,
  onEventLoop: true,
  async run() {
    const request = thisRequest();
    const [tasks, result, id, partial, addToParent = true] = namedArguments(exactMessage(host), {
      names: ["tasks", "result", "group_id", "partial_args", "add_to_parent"],
      required: 4,
    });
    const node = nodeFromTuple(result);
    const members = items(tasks).map((one) => readSignature(one));
    Forwarder.assertSendable(members);
    const first = items(partial);
    for (const member of members)
      await host.forwarder.send(member, first, { ...linksOf(request), group: String(id), own: true });
    if (addToParent) request.addChild(node);
    return resultTuple(node);
  },
});
