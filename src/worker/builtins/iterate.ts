import { TaskError } from "../../errors.js";

/** What Python's `for` goes through: the items of a list, the characters of a text, the keys of an object. */
export function iterate(value: unknown, otherwise: (type: string) => string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return [...value];
  if (value instanceof Set || value instanceof Map) return [...value.keys()];
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.keys(value);
  throw pythonError("TypeError", otherwise(typeOf(value)));
}

/** The items of `for item in value`. Throws Python's TypeError. */
export const items = (value: unknown): readonly unknown[] =>
  iterate(value, (type) => `'${type}' object is not iterable`);

/** Fails the task as this exception of Python's would. */
export const pythonError = (type: string, message: string): TaskError =>
  new TaskError(message, { type, module: "builtins", args: [message] });

const TYPES: Readonly<Record<string, string>> = {
  number: "int",
  bigint: "int",
  boolean: "bool",
  undefined: "NoneType",
};

const typeOf = (value: unknown): string =>
  value === null ? "NoneType" : (TYPES[typeof value] ?? (value as object).constructor.name);
