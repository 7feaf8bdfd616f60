import { SoftTimeLimitExceeded, TimeLimitExceeded } from "../errors.js";
import { runAsTask } from "../client/current-task.js";
import { type Timer, after } from "../util/time.js";
import { bindArguments } from "./bind-arguments.js";
import { type ContextHost, taskContext } from "./context.js";
import type { Request } from "./request.js";

/** How a run ended. */
export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** A run in progress: `abort` tells the handler to stop, through its signal. */
export interface Execution {
  readonly outcome: Promise<Outcome>;
  abort(reason: unknown): void;
}

/**
 * Runs the handler under the request's time limits. The soft limit aborts the task's signal; the hard one ends the
 * wait with `TimeLimitExceeded`, whatever the handler still does (code inside one process cannot be stopped).
 */
export function execute(request: Request, host: ContextHost): Execution {
  const controller = new AbortController();
  const { hardLimit, softLimit } = request;
  const timers: Timer[] = [];
  const limits: Promise<Outcome>[] = [];
  if (softLimit !== null) timers.push(after(softLimit * 1000, () => controller.abort(softTimeLimitExceeded(request))));
  if (hardLimit !== null)
    limits.push(
      new Promise((resolve) => {
        const expire = (): void => {
          const error = timeLimitExceeded(request, hardLimit);
          controller.abort(error);
          resolve({ ok: false, error });
        };
        timers.push(after(hardLimit * 1000, expire));
      }),
    );
  const run = runHandler(request, host, controller.signal);
  const first = limits.length > 0 ? Promise.race([run, ...limits]) : run;
  const outcome = timers.length > 0 ? first.finally(() => timers.forEach((timer) => timer.cancel())) : first;
  return { outcome, abort: (reason) => controller.abort(reason) };
}

async function runHandler(request: Request, host: ContextHost, signal: AbortSignal): Promise<Outcome> {
  const { task, definition } = request;
  const current = {
    id: task.id,
    rootId: task.rootId,
    priority: task.priority,
    stamps: task.stamps,
    stampedHeaders: task.stampedHeaders,
    addChild: (child: (typeof request.children)[number]) => void request.children.push(child),
  };
  try {
    const args = bindArguments(task.task, definition.options.params, task.args, task.kwargs);
    const value = await runAsTask(current, () => definition.run(taskContext(request, host, signal), args));
    return { ok: true, value: value ?? null };
  } catch (error) {
    // What an aborted fetch or timer throws says less than why it was aborted.
    const aborted = signal.aborted && error instanceof Error && error.name === "AbortError";
    return { ok: false, error: aborted ? signal.reason : error };
  }
}

function timeLimitExceeded(request: Request, limit: number): TimeLimitExceeded {
  const info = { type: "TimeLimitExceeded", module: "billiard.exceptions", args: [limit], taskId: request.id };
  return new TimeLimitExceeded(`the time limit of ${limit} s for ${request.name} passed`, info);
}

function softTimeLimitExceeded(request: Request): SoftTimeLimitExceeded {
  const info = { type: "SoftTimeLimitExceeded", module: "billiard.exceptions", args: [], taskId: request.id };
  return new SoftTimeLimitExceeded(`the soft time limit of ${request.softLimit} s for ${request.name} passed`, info);
}
