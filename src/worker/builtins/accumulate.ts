import type { TaskDefinition } from "../../client/task.js";
import { pythonError } from "./iterate.js";
import { exactMessage, type BuiltinHost } from "./host.js";

/** `celery.accumulate(*args, index=None)`: what a group that replaced a task ends with. */
export const accumulate = (host: BuiltinHost): TaskDefinition => ({
  options: {},
  takesMessage: true,
  onEventLoop: true,
  run() {
    const { args, kwargs } = exactMessage(host);
    const { index = null } = kwargs;
    if (index === null) return args;
    const place = typeof index === "boolean" ? Number(index) : index;
    if (!Number.isInteger(place)) throw pythonError("TypeError", "tuple indices must be integers or slices");
    const value = args.at(Number(place));
    if (value === undefined) throw pythonError("IndexError", "tuple index out of range");
    return value;
  },
});
