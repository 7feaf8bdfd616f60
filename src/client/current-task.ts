import { AsyncLocalStorage } from "node:async_hooks";
import type { ResultNode } from "../protocol/result.js";
import type { TaskRequest } from "../protocol/task-message.js";

/** The task that is running here: what it sends inherits from it (celery/app/base.py `send_task`). */
export interface CurrentTask {
  readonly id: string;
  /** Its message. */
  readonly task: TaskRequest;
  readonly rootId: string | null;
  readonly priority: number | null;
  /** Notes a sent task among the children of this one. */
  addChild(child: ResultNode): void;
}

const storage = new AsyncLocalStorage<CurrentTask>();

export const currentTask = (): CurrentTask | undefined => storage.getStore();

export const runAsTask = <T>(task: CurrentTask, run: () => T): T => storage.run(task, run);
