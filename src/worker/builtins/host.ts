import type { Backend } from "../../backends/backend.js";
import type { Config } from "../../client/config.js";
import { currentTask } from "../../client/current-task.js";
import { CeleryError } from "../../errors.js";
import type { TaskRequest } from "../../protocol/task-message.js";
import type { Logger } from "../../util/logger.js";
import type { Forwarder } from "../forward.js";
import { Request } from "../request.js";
import type { Results } from "../results.js";

/** What Celery's own tasks need of the worker, those of them that run on its event loop whatever its pool. */
export interface BuiltinHost {
  readonly config: Readonly<Config>;
  readonly backend: Backend;
  readonly forwarder: Forwarder;
  readonly results: Results;
  readonly accept: ReadonlySet<string>;
  readonly logger: Logger;
}

/** The request that is running here. */
export function thisRequest(): Request {
  const task = currentTask();
  if (task instanceof Request) return task;
  throw new CeleryError("tasks of Celery's own run by their message only: another task cannot call them");
}

/** The message that is running here, with Python's `1.0` kept apart from `1`: what it holds is passed on. */
export const exactMessage = ({ accept }: Pick<BuiltinHost, "accept">): TaskRequest =>
  thisRequest().forForwarding(accept);
