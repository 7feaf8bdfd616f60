import { ImproperlyConfigured } from "../errors.js";

/** A century is beyond any use and still a date everywhere. */
export const MOST_SECONDS = 100 * 366 * 86400;

/** A soft limit above the hard one can never be reached. Throws `ImproperlyConfigured`. */
export function checkTimeLimits(soft: number | undefined | null, hard: number | undefined | null): void {
  if (soft !== undefined && soft !== null && hard !== undefined && hard !== null && soft > hard)
    throw new ImproperlyConfigured(`softTimeLimit (${soft} s) is above timeLimit (${hard} s); lower it`);
}
