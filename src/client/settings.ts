import { ImproperlyConfigured } from "../errors.js";
import { unknownName } from "../util/unknown-name.js";

export { unknownName } from "../util/unknown-name.js";

/** Checks of settings and options: each returns what was expected instead, or null when the value is fine. */
export type Check = (value: unknown) => string | null;

export const text: Check = (value) => (typeof value === "string" && value !== "" ? null : "a text that is not empty");
export const boolean: Check = (value) => (typeof value === "boolean" ? null : "true or false");
export const record: Check = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? null : "an object";
export const textList: Check = (value) =>
  Array.isArray(value) && value.every((one) => typeof one === "string") ? null : "a list of texts";

export const nullable =
  (check: Check): Check =>
  (value) => {
    const expected = value === null ? null : check(value);
    return expected && `${expected}, or null`;
  };

export const choice =
  (...values: readonly (string | number)[]): Check =>
  (value) =>
    values.includes(value as string) ? null : `one of ${values.map((one) => JSON.stringify(one)).join(", ")}`;

export const custom =
  (accepts: (value: unknown) => boolean, expected: string): Check =>
  (value) =>
    accepts(value) ? null : expected;

export function number(limits: { min?: number; max?: number; above?: number; integer?: boolean } = {}): Check {
  const { min, max, above, integer = false } = limits;
  const words = [
    integer ? "a whole number" : "a number",
    min !== undefined && `of at least ${min}`,
    above !== undefined && `above ${above}`,
    max !== undefined && `at most ${max}`,
  ];
  const expected = words.filter((word) => word !== false).join(" ");
  return (value) =>
    typeof value === "number" &&
    Number.isFinite(value) &&
    (!integer || Number.isInteger(value)) &&
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above)
      ? null
      : expected;
}

export interface Setting {
  readonly check: Check;
  readonly initial: unknown;
}

/** Options that have no defaults of their own. */
export const withoutDefaults = <K extends string>(checks: Readonly<Record<K, Check>>): Readonly<Record<K, Setting>> =>
  Object.fromEntries(
    Object.entries<Check>(checks).map(([name, check]) => [name, { check, initial: undefined }]),
  ) as Record<K, Setting>;

/** Defaults overlaid by the given values. An unknown name or a wrong value throws `ImproperlyConfigured`. */
export function checkSettings<T extends object>(
  what: string,
  settings: Readonly<Record<keyof T & string, Setting>>,
  given: Readonly<Partial<T>>,
): T {
  const result: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(settings)) result[name] = setting.initial;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(settings, name)) throw unknownName(what, name, Object.keys(settings));
    const expected = settings[name as keyof T & string].check(value);
    if (expected) throw new ImproperlyConfigured(`the ${what} ${name} is ${describe(value)}; expected ${expected}`);
    result[name] = value;
  }
  return result as T;
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 64));
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}
