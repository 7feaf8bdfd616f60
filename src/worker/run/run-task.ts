import { runAsTask, type CurrentTask } from "../../client/current-task.js";
import type { Signals } from "../../client/signals.js";
import type { DefinedOptions, TaskDefinition } from "../../client/task.js";
import { Ignore, Reject, Retry } from "../../errors.js";
import { pythonTraceback } from "../../protocol/exception.js";
import { isOneOf } from "../../util/is-error.js";
import { argumentsOf } from "./arguments.js";
import { autoRetry } from "./autoretry.js";
import { type ContextHost, ReplaceRequest, RetryRequest, WorkerTaskContext } from "./context.js";
import { type Failure, type Outcome, type RetryPlan, stateOf } from "./outcome.js";
import type { RunRequest } from "./run-request.js";
import type { Stop } from "./stop.js";

/** What a run needs of the place where it happens. */
export interface RunHost extends ContextHost {
  readonly signals: Pick<Signals, "taskPrerun" | "taskPostrun">;
}

/** A task to run, which also notes what the handler sends. */
export type Runnable = RunRequest & CurrentTask;

/** Calls the handler and says how it ended; never rejects. The signals around it are sent here, beside the handler. */
export function runTask(definition: TaskDefinition, request: Runnable, stop: Stop, host: RunHost): Promise<Outcome> {
  const { taskPrerun, taskPostrun } = host.signals;
  const context = new WorkerTaskContext(request, definition.options, stop, host);
  if (!taskPrerun.connected && !taskPostrun.connected) return runAsTask(request, () => call(definition, context, stop));
  return runAsTask(request, async () => {
    const payload = { taskId: request.task.id, task: request.task.task, request: context.request };
    await taskPrerun.send(request.task.task, payload);
    const outcome = await call(definition, context, stop);
    const retval = outcome.kind === "success" ? outcome.value : "error" in outcome ? outcome.error : null;
    await taskPostrun.send(request.task.task, { ...payload, state: stateOf(outcome), retval });
    return outcome;
  });
}

async function call(definition: TaskDefinition, context: WorkerTaskContext, stop: Stop): Promise<Outcome> {
  const { options } = definition;
  let args: readonly unknown[];
  try {
    const bound = definition.takesMessage ? [] : argumentsOf(context.name, options, context.task);
    // Nothing is waited for that is there already: this happens for each task.
    args = bound instanceof Promise ? await bound : bound;
  } catch (error) {
    return { kind: "failure", error, expected: false };
  }
  try {
    return { kind: "success", value: (await definition.run(context, args)) ?? null };
  } catch (thrown) {
    return ending(stop.explain(thrown), options, context);
  }
}

/** What was thrown, as a decision. */
function ending(error: unknown, options: Readonly<DefinedOptions>, context: WorkerTaskContext): Outcome {
  // A proxy of a hostile make answers no question: it is a failure like any other.
  if (!isOneOf(error, [Object])) return { kind: "failure", error, expected: false };
  if (error instanceof RetryRequest) return withTraceback(error);
  if (error instanceof ReplaceRequest) return { kind: "replace", signature: error.signature };
  if (error instanceof Reject) return { kind: "reject", requeue: error.requeue, error };
  if (error instanceof Ignore) return { kind: "ignore" };
  const again = error instanceof Retry ? retryAs(error, context) : autoRetry(error, options, context);
  if (again?.kind === "retry") return again;
  const last = again ? again.error : error;
  return { kind: "failure", error: last, expected: isOneOf(last, options.throws ?? []) };
}

/** Thrown without `self.retry`: it asks for the same. */
function retryAs({ cause, when }: Retry, context: WorkerTaskContext): RetryPlan | Failure {
  const moment = when instanceof Date ? { eta: when } : when === null ? {} : { countdown: when };
  try {
    return context.retry({ cause, ...moment }) as never;
  } catch (thrown) {
    if (thrown instanceof RetryRequest) return withTraceback(thrown);
    return { kind: "failure", error: thrown, expected: false };
  }
}

/** Python's traceback of an attempt that gave no cause is where it asked for the next one. */
const withTraceback = (error: RetryRequest): RetryPlan =>
  error.plan.cause === undefined ? { ...error.plan, traceback: pythonTraceback(error) } : error.plan;
