import { ImproperlyConfigured } from "../errors.js";

/** A soft limit above the hard one can never be reached. Throws `ImproperlyConfigured`. */
export function checkTimeLimits(soft: number | undefined | null, hard: number | undefined | null): void {
  if (soft !== undefined && soft !== null && hard !== undefined && hard !== null && soft > hard)
    throw new ImproperlyConfigured(`softTimeLimit (${soft} s) is above timeLimit (${hard} s); lower it`);
}
