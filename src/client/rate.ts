import { ImproperlyConfigured } from "../errors.js";

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/**
 * Runs a second of a rate limit: `"10/s"`, `"100/m"`, `"5/h"`, or a number for runs a second; null for none (also 0).
 * Throws `ImproperlyConfigured`. (celery/utils/time.py `rate`)
 */
export function parseRate(limit: string | number | null | undefined): number | null {
  if (limit === null || limit === undefined || limit === "") return null;
  const found = /^\s*(\d+(?:\.\d+)?)\s*(?:\/\s*([smh]))?\s*$/.exec(String(limit));
  if (!found) throw new ImproperlyConfigured(`the rate limit ${JSON.stringify(limit)} is not one; expected ${RATE}`);
  const [, runs, unit = "s"] = found;
  return Number(runs) / SECONDS[unit as keyof typeof SECONDS] || null;
}

/** What a rate is, for messages. */
export const RATE = 'a text such as "10/s", "100/m" or "5/h", or a number of runs a second';

export function isRate(value: unknown): boolean {
  try {
    parseRate(value as string);
    return typeof value === "string" || typeof value === "number";
  } catch {
    return false;
  }
}
