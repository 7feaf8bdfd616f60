import { CeleryError, ImproperlyConfigured } from "../errors.js";
import { monotonic, sleep } from "../util/time.js";

/**
 * How long a lost server is waited for: Celery's `retry_policy` of `result_backend_transport_options`, in seconds.
 * The first attempt is free; the n-th retry waits `intervalStart + (n-1) * intervalStep`, at most
 * `intervalStart + intervalMax`.
 */
export interface RetryPolicy {
  /** Retries; null for no limit. */
  readonly maxRetries: number | null;
  readonly intervalStart: number;
  readonly intervalStep: number;
  readonly intervalMax: number;
  /** Seconds after which no further retry is made; null for no limit. */
  readonly timeout: number | null;
}

/** Celery's own: 20 retries, at once and then every second. */
const CELERY: RetryPolicy = { maxRetries: 20, intervalStart: 0, intervalStep: 1, intervalMax: 1, timeout: null };

const NAMES = {
  max_retries: "maxRetries",
  interval_start: "intervalStart",
  interval_step: "intervalStep",
  interval_max: "intervalMax",
  timeout: "timeout",
} as const;

/** @throws ImproperlyConfigured for an unknown key or a value that is no number of at least 0 */
export function retryPolicy(option: unknown): RetryPolicy {
  if (option === undefined || option === null) return CELERY;
  if (typeof option !== "object")
    throw new ImproperlyConfigured(`retry_policy must be an object such as {max_retries: 5}`);
  const policy: Record<string, unknown> = { ...CELERY };
  for (const [name, value] of Object.entries(option)) {
    if (!(name in NAMES))
      throw new ImproperlyConfigured(`retry_policy has no ${name}; it has ${Object.keys(NAMES).join(", ")}`);
    const nullable = name === "max_retries" || name === "timeout";
    if (!(nullable && value === null) && !(typeof value === "number" && value >= 0))
      throw new ImproperlyConfigured(`retry_policy.${name} is ${String(value)}; expected a number of at least 0`);
    policy[NAMES[name as keyof typeof NAMES]] = value;
  }
  return policy as unknown as RetryPolicy;
}

/** Makes the attempt, and again while it fails with a retriable error and the policy allows. The last error is thrown. */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  onRetry: (error: CeleryError, retry: number) => void,
): Promise<T> {
  const start = monotonic();
  for (let retry = 1; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CeleryError) || !error.retriable || signal.aborted) throw error;
      const pause = Math.min(
        policy.intervalStart + (retry - 1) * policy.intervalStep,
        policy.intervalStart + policy.intervalMax,
      );
      if (policy.maxRetries !== null && retry > policy.maxRetries) throw error;
      if (policy.timeout !== null && (monotonic() - start) / 1000 + pause > policy.timeout) throw error;
      onRetry(error, retry);
      // An aborted wait ends with what made it wait.
      await sleep(pause * 1000, signal).catch(() => {
        throw error;
      });
    }
  }
}

/** An idle connection may have died unnoticed: what fails is attempted once more, on a new one. */
export async function again<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof CeleryError && !error.retriable) throw error;
    return attempt();
  }
}
