import { InvalidArgumentError, Option } from "commander";

/**
 * An option that may also be given in the environment, as Celery's can: `CELERY_<NAME>` for those of every command,
 * `CELERY_WORKER_<NAME>` for those of `worker`. An option without a value is off there when it is empty, 0, false, no or
 * off.
 */
export function option(flags: string, description: string, variable?: string): Option {
  const made = new Option(flags, description);
  if (!variable) return made;
  const takesValue = made.required || made.optional;
  const value = process.env[variable];
  if (value === undefined || value === "") return made;
  return takesValue || !OFF.has(value.toLowerCase()) ? made.env(variable) : made;
}

const OFF = new Set(["0", "false", "no", "off"]);

/** A whole number of at least `min`. */
export const whole =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min)
      throw new InvalidArgumentError(`expected a whole number of at least ${min}.`);
    return value;
  };

/** Seconds, whole or not, of at least 0 or above it. */
export const seconds =
  ({ above }: { readonly above?: number } = {}) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < 0 || value <= (above ?? -1))
      throw new InvalidArgumentError(`expected seconds ${above === undefined ? "of at least 0" : `above ${above}`}.`);
    return value;
  };

/** Names between commas; the option may be repeated. */
export function names(text: string, before: readonly string[] = []): readonly string[] {
  const given = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (given.length === 0) throw new InvalidArgumentError("expected names with commas between them.");
  return [...before, ...given];
}
