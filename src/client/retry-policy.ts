/** Celery's publish retry policy, seconds (userguide/calling: Message Sending Retry). */
export interface RetryPolicy {
  /** Attempts after the first; null for no limit. Default 3. */
  readonly maxRetries?: number | null;
  /** Wait before the first retry. Default 0. */
  readonly intervalStart?: number;
  /** Added to the wait for each further retry. Default 0.2. */
  readonly intervalStep?: number;
  /** Longest wait. Default 1. */
  readonly intervalMax?: number;
}
