import { ImproperlyConfigured } from "../../errors.js";

/**
 * Milliseconds before the n-th attempt (1, 2, ...) of a consumer to come back. The first is quick, since most lost
 * connections are; then Celery's series: 2 s, 4 s, ... up to 30 s, tuned by the transport options `interval_start`,
 * `interval_step` and `interval_max` (seconds).
 */
export function backoff(transportOptions: Readonly<Record<string, unknown>>): (attempt: number) => number {
  const start = seconds(transportOptions, "interval_start", 2);
  const step = seconds(transportOptions, "interval_step", 2);
  const max = seconds(transportOptions, "interval_max", 30);
  return (attempt) => (attempt <= 1 ? Math.min(0.2, start) : Math.min(max, start + (attempt - 2) * step)) * 1000;
}

function seconds(options: Readonly<Record<string, unknown>>, name: string, otherwise: number): number {
  const value = options[name] ?? otherwise;
  if (typeof value !== "number" || !(value >= 0))
    throw new ImproperlyConfigured(
      `transport option ${name} is ${JSON.stringify(value)}: expected a number of seconds, 0 or more`,
    );
  return value;
}
