import type { DefinedOptions } from "../../client/task.js";
import { type WorkerTaskContext, RetryRequest } from "./context.js";
import type { Failure, RetryPlan } from "./outcome.js";

const DEFAULT_BACKOFF_MAX = 600;

/**
 * What the task's `autoretryFor` makes of an error (celery/app/autoretry.py): another attempt, the failure that is left
 * when there are no more, or null when the error is none of its business.
 */
export function autoRetry(
  error: unknown,
  options: Readonly<DefinedOptions>,
  context: WorkerTaskContext,
): RetryPlan | Failure | null {
  const { autoretryFor = [], dontAutoretryFor = [] } = options;
  if (!autoretryFor.some((one) => error instanceof one) || dontAutoretryFor.some((one) => error instanceof one))
    return null;
  const countdown = backoff(options, context.retries);
  try {
    return context.retry({ cause: error, ...(countdown !== null && { countdown }) }) as never;
  } catch (thrown) {
    return thrown instanceof RetryRequest ? thrown.plan : { kind: "failure", error: thrown, expected: false };
  }
}

/** Seconds, or null for the task's usual delay. */
function backoff(options: Readonly<DefinedOptions>, retries: number): number | null {
  const { retryBackoff = false, retryBackoffMax = DEFAULT_BACKOFF_MAX, retryJitter = true } = options;
  // Python counts in whole seconds.
  const factor = Math.trunc(Number(retryBackoff));
  if (factor === 0) return null;
  const wait = Math.min(retryBackoffMax, factor * 2 ** retries);
  return retryJitter ? Math.floor(Math.random() * (wait + 1)) : wait;
}
