import type { TaskDefinition } from "../../client/task.js";
import { pythonError } from "./iterate.js";

/** `celery.chain`: a chain is sent step by step, never as a task. */
export const chain: TaskDefinition = {
  options: {},
  takesMessage: true,
  onEventLoop: true,
  run() {
    throw pythonError("NotImplementedError", "chain is not a real task");
  },
};
