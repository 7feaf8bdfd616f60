import { types } from "node:util";

/** Whether something that was thrown is an error: also one of another realm (`node:vm`), and never throws itself. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || isOneOf(value, [Error]);
}

type Class = abstract new (...args: never[]) => unknown;

/** `instanceof` for things that were thrown: a proxy or a class of a hostile make is none of them. */
export function isOneOf(value: unknown, classes: readonly Class[]): boolean {
  try {
    return classes.some((one) => value instanceof one);
  } catch {
    return false;
  }
}
