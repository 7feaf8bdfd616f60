import { boolean, checkSettings, custom, nullable, number, record, text } from "../../client/settings.js";
import type { RetryOptions } from "../../client/task-context.js";
import { checkTimeLimits } from "../../client/time-limits.js";
import { ImproperlyConfigured } from "../../errors.js";

/** A century is beyond any use and still a date everywhere. */
const MOST_SECONDS = 100 * 366 * 86400;

const isDate = (value: unknown): boolean => value instanceof Date && !Number.isNaN(value.getTime());
const isSeconds = (value: unknown): boolean => typeof value === "number" && Math.abs(value) <= MOST_SECONDS;
const limit = number({ above: 0 });

const CHECKS: Readonly<Record<keyof RetryOptions, (value: unknown) => string | null>> = {
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

const SETTINGS = Object.fromEntries(
  Object.entries(CHECKS).map(([name, check]) => [name, { check, initial: undefined }]),
) as unknown as Record<keyof RetryOptions, { check: (value: unknown) => string | null; initial: undefined }>;

/** Throws `ImproperlyConfigured` for what cannot be meant; what went wrong before is not lost, but its cause. */
export function checkRetryOptions(options: RetryOptions): void {
  try {
    checkSettings<RetryOptions>("option of self.retry():", SETTINGS, options);
    checkTimeLimits(options.softTimeLimit, options.timeLimit);
  } catch (error) {
    throw new ImproperlyConfigured((error as Error).message, { cause: options.cause });
  }
}
