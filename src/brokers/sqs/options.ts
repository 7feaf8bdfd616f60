import { ImproperlyConfigured } from "../../errors.js";
import { unknownName } from "../../util/unknown-name.js";

/** Readers of transport options: each checks one value and says what it should have been. */

export type Options = Readonly<Record<string, unknown>>;

/** `secret`: the value may be, or hold, a credential, so only its kind is told. */
export function refuse(name: string, value: unknown, expected: string, secret = false): never {
  const told = secret || typeof value === "object" ? kindOf(value) : JSON.stringify(value);
  throw new ImproperlyConfigured(`SQS transport option ${name} is ${told}: expected ${expected}`);
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;

export function text(options: Options, name: string): string | undefined {
  const value = options[name] ?? undefined;
  return value === undefined || typeof value === "string" ? value : refuse(name, value, "a text", true);
}

export function flag(options: Options, name: string, otherwise: boolean): boolean {
  const value = options[name] ?? otherwise;
  return typeof value === "boolean" ? value : refuse(name, value, "true or false");
}

export function number(options: Options, name: string, otherwise: number, min: number, max: number): number {
  const value = options[name] ?? otherwise;
  return typeof value === "number" && value >= min && value <= max
    ? value
    : refuse(name, value, max === Infinity ? `a number, ${min} or more` : `a number from ${min} to ${max}`);
}

export function table(options: Options, name: string): Options | undefined {
  const value = options[name] ?? undefined;
  if (value === undefined) return undefined;
  return typeof value === "object" && !Array.isArray(value)
    ? (value as Options)
    : refuse(name, value, "an object", true);
}

export function texts(options: Options, name: string): Readonly<Record<string, string>> | undefined {
  const value = table(options, name);
  if (value && !Object.values(value).every((one) => typeof one === "string")) refuse(name, value, "an object of texts");
  return value as Readonly<Record<string, string>> | undefined;
}

export function list(options: Options, name: string): readonly string[] {
  const value = options[name] ?? [];
  return Array.isArray(value) && value.every((one) => typeof one === "string")
    ? value
    : refuse(name, value, "a list of texts");
}

/** @throws ImproperlyConfigured for a name that is not known, with what may have been meant */
export function assertKnown(options: Options, known: readonly string[], what = "SQS transport option"): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName(what, name, known);
}
