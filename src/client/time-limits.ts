import { ImproperlyConfigured } from "../errors.js";

/** A century is beyond any use and still a date everywhere. */
export const MOST_SECONDS = 100 * 366 * 86400;

/** Seconds, 0 for none. A soft limit above the hard one can never be reached. Throws `ImproperlyConfigured`. */
export function checkTimeLimits(soft: number | undefined | null, hard: number | undefined | null): void {
  // Nearly always: this is part of each call.
  if (soft === undefined && hard === undefined) return;
  for (const [name, seconds] of Object.entries({ softTimeLimit: soft ?? 0, timeLimit: hard ?? 0 }))
    if (typeof seconds !== "number" || !(seconds >= 0 && seconds < Infinity))
      throw new ImproperlyConfigured(`${name} is ${String(seconds)}; expected a number of seconds`);
  if (soft && hard && soft > hard)
    throw new ImproperlyConfigured(`softTimeLimit (${soft} s) is above timeLimit (${hard} s); lower it`);
}
