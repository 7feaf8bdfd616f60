import type { TaskDefinition } from "../../client/task.js";
import { readSignature, signatureDocument } from "../../protocol/signature.js";
import { type ResultNode, resultTuple } from "../../protocol/result.js";
import { newId } from "../../util/id.js";
import { linksOf } from "../next-steps.js";
import { namedArguments } from "./arguments.js";
import { type BuiltinHost, exactMessage, thisRequest } from "./host.js";
import { items, pythonError } from "./iterate.js";

/**
 * `celery.chunks(task, it, n)`: sends a group of `celery.starmap`, each with `n` items, and has the group as its result.
 * They are routed as the inner task is, as Python's clients do it.
 */
export const chunks = (host: BuiltinHost): TaskDefinition => ({
  options: {},
  takesMessage: true,
  onEventLoop: true,
  async run() {
    const request = thisRequest();
    const [task, it, n] = namedArguments(exactMessage(host), { names: ["task", "it", "n"], required: 3 });
    const size = Number(n);
    if (!Number.isInteger(size) || size < 1)
      throw pythonError("ValueError", `chunks have at least one item each, not ${String(n)}`);
    const routeName = typeof task === "string" ? task : readSignature(task).task;
    const all = items(it);
    const group = newId();
    const children: ResultNode[] = [];
    for (let from = 0; from < all.length; from += size) {
      const kwargs = { task, it: all.slice(from, from + size) };
      const part = signatureDocument({ task: "celery.starmap", kwargs, immutable: true });
      const links = { ...linksOf(request), group, groupIndex: children.length, routeName };
      children.push(await host.forwarder.send(part, [], links));
    }
    const node = { id: group, parent: null, children };
    request.addChild(node);
    return resultTuple(node);
  },
});
