import { SoftTimeLimitExceeded, TimeLimitExceeded } from "../errors.js";
import { runAsTask } from "../client/current-task.js";
import { after } from "../util/time.js";
import { bindArguments } from "./bind-arguments.js";
import { type ContextHost, WorkerTaskContext } from "./context.js";
import type { Request } from "./request.js";
import { Stop } from "./stop.js";

/** How a run ended. */
export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** A run in progress: `stop` tells the handler to end, through its signal. */
export interface Execution {
  readonly outcome: Promise<Outcome>;
  readonly stop: Stop;
}

/**
 * Runs the handler under the request's time limits. The soft limit aborts the task's signal; the hard one ends the
 * wait with `TimeLimitExceeded`, whatever the handler still does (code inside one process cannot be stopped).
 */
export function execute(request: Request, host: ContextHost): Execution {
  const stop = new Stop();
  const run = runHandler(request, host, stop);
  const limited = request.hardLimit !== null || request.softLimit !== null;
  return { outcome: limited ? withLimits(request, run, stop) : run, stop };
}

async function runHandler(request: Request, host: ContextHost, stop: Stop): Promise<Outcome> {
  const { task, definition } = request;
  try {
    const args = bindArguments(task.task, definition.options.params, task.args, task.kwargs);
    const value = await runAsTask(request, () => definition.run(new WorkerTaskContext(request, host, stop), args));
    return { ok: true, value: value ?? null };
  } catch (error) {
    return { ok: false, error: stop.explain(error) };
  }
}

function withLimits(request: Request, run: Promise<Outcome>, stop: Stop): Promise<Outcome> {
  const { hardLimit, softLimit } = request;
  return new Promise((resolve) => {
    const soft = after((softLimit ?? Infinity) * 1000, () => stop.abort(softTimeLimitExceeded(request)));
    const hard = after((hardLimit ?? Infinity) * 1000, () => {
      const error = timeLimitExceeded(request);
      stop.abort(error);
      resolve({ ok: false, error });
    });
    void run.then((outcome) => {
      soft.cancel();
      hard.cancel();
      resolve(outcome);
    });
  });
}

function timeLimitExceeded(request: Request): TimeLimitExceeded {
  const { id, name, hardLimit } = request;
  const info = { type: "TimeLimitExceeded", module: "billiard.exceptions", args: [hardLimit], taskId: id };
  return new TimeLimitExceeded(`the time limit of ${hardLimit} s for ${name} passed`, info);
}

function softTimeLimitExceeded({ id, name, softLimit }: Request): SoftTimeLimitExceeded {
  const info = { type: "SoftTimeLimitExceeded", module: "billiard.exceptions", args: [], taskId: id };
  return new SoftTimeLimitExceeded(`the soft time limit of ${softLimit} s for ${name} passed`, info);
}
