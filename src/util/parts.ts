import { ImproperlyConfigured } from "../errors.js";

/** What a member of an interface has to be. */
export type Part = "function" | "string" | "text or null" | "object";

/** A kind for every member of T that is not optional: a new member without one does not compile. */
export type Parts<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: Part };

/**
 * Fails when an object made by somebody else lacks a part of an interface: at once and by name, instead of with
 * "x is not a function" in the middle of a program.
 *
 * @param what the object, in words: "the broker that was handed in"
 * @throws ImproperlyConfigured naming everything that is missing
 */
export function assertParts(what: string, value: unknown, parts: Readonly<Record<string, Part>>): void {
  if (typeof value !== "object" || value === null)
    throw new ImproperlyConfigured(`${what} is ${value === null ? "null" : typeof value}; expected an object`);
  if (value instanceof Promise) throw new ImproperlyConfigured(`${what} is a promise; await it first`);
  const members = value as Readonly<Record<string, unknown>>;
  const missing = Object.entries(parts).flatMap(([name, part]) =>
    fits(members[name], part) ? [] : [part === "function" ? `the method ${name}()` : `${name} (${part})`],
  );
  if (missing.length > 0)
    throw new ImproperlyConfigured(
      `${what} lacks ${missing.join(", ")}: see docs/custom-drivers.md of celeriac for the whole interface`,
    );
}

function fits(value: unknown, part: Part): boolean {
  if (part === "object") return typeof value === "object" && value !== null;
  if (part === "text or null") return typeof value === "string" || value === null;
  return typeof value === part;
}
