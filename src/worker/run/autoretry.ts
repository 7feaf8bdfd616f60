import type { DefinedOptions } from "../../client/task.js";
import { isOneOf } from "../../util/is-error.js";
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
  if (!isOneOf(error, autoretryFor) || isOneOf(error, dontAutoretryFor)) return null;
  const countdown = backoff(options, context.retries);
  const { mostRetries: maxRetries } = context;
  const limits = maxRetries === undefined ? {} : { maxRetries };
  try {
    return context.retry({ cause: error, ...limits, ...(countdown !== null && { countdown }) }) as never;
  } catch (thrown) {
    return thrown instanceof RetryRequest ? thrown.plan : { kind: "failure", error: thrown, expected: false };
  }
}

/** Seconds, or null for the task's usual delay. */
export function backoff(options: Readonly<DefinedOptions>, retries: number, random = Math.random): number | null {
  const { retryBackoff = false, retryBackoffMax = DEFAULT_BACKOFF_MAX, retryJitter = true } = options;
  if (Number(retryBackoff) === 0) return null;
  // Python counts in whole seconds.
  const factor = Math.max(1, Math.trunc(Number(retryBackoff)));
  const wait = Math.min(Math.trunc(retryBackoffMax), factor * 2 ** retries);
  return retryJitter ? Math.floor(random() * (wait + 1)) : wait;
}
