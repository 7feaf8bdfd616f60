import {
  type Check,
  boolean,
  checkSettings,
  custom,
  nullable,
  number,
  record,
  text,
  withoutDefaults,
} from "../../client/settings.js";
import type { RetryOptions } from "../../client/task-context.js";
import { MOST_SECONDS, checkTimeLimits } from "../../client/time-limits.js";
import { ImproperlyConfigured } from "../../errors.js";

const isDate = (value: unknown): boolean => value instanceof Date && !Number.isNaN(value.getTime());
const isSeconds = (value: unknown): boolean => typeof value === "number" && Math.abs(value) <= MOST_SECONDS;
const limit = number({ above: 0 });

const CHECKS: Readonly<Record<keyof RetryOptions, Check>> = {
  countdown: custom(isSeconds, `seconds, at most ${MOST_SECONDS}`),
  eta: custom(isDate, "a valid Date"),
  maxRetries: nullable(number({ min: 0, integer: true })),
  cause: () => null,
  args: custom(Array.isArray, "a list"),
  kwargs: record,
  queue: text,
  exchange: text,
  routingKey: text,
  priority: number({ min: 0, max: 255, integer: true }),
  serializer: text,
  compression: text,
  expires: custom((value) => isDate(value) || isSeconds(value), "seconds, or a valid Date"),
  timeLimit: limit,
  softTimeLimit: limit,
  headers: record,
  shadow: text,
  ignoreResult: boolean,
};

const SETTINGS = withoutDefaults(CHECKS);

/** Throws `ImproperlyConfigured` for what cannot be meant; what went wrong before is not lost, but its cause. */
export function checkRetryOptions(options: RetryOptions): void {
  try {
    checkSettings<RetryOptions>("option of self.retry():", SETTINGS, options);
    checkTimeLimits(options.softTimeLimit, options.timeLimit);
  } catch (error) {
    throw new ImproperlyConfigured((error as Error).message, { cause: options.cause });
  }
}
