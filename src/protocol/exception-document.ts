import { DecodeError } from "../errors.js";
import { PyObject } from "./pickle/py-object.js";
import { isMapping, shown } from "./reading.js";
import type { ExceptionDocument } from "./result-record.js";

/**
 * The exception in a stored result, or null for none. Understood are Celery's object, the older text as `exc_message`,
 * a pickled exception, Celery's wrapper of exceptions that could not be pickled, and (as other implementations have
 * written it) a bare text, which becomes the message of an `Exception`. `exc_message` comes out as an array.
 * Throws `DecodeError`.
 */
export function readException(value: unknown): ExceptionDocument | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return { exc_type: "Exception", exc_message: [value], exc_module: "builtins" };
  if (value instanceof PyObject)
    return unwrap({ exc_type: value.name, exc_message: [...(value.args ?? [])], exc_module: value.module });
  if (!isMapping(value)) throw bad("a stored exception", value, "an object with exc_type, exc_message and exc_module");
  const { exc_type, exc_message, exc_module = null } = value;
  if (typeof exc_type !== "string" || exc_type === "") throw bad("exc_type of a stored exception", exc_type, "a name");
  if (exc_module !== null && typeof exc_module !== "string")
    throw bad("exc_module of a stored exception", exc_module, "a text or null");
  const args: unknown[] = Array.isArray(exc_message) ? exc_message : exc_message === undefined ? [] : [exc_message];
  return unwrap({ exc_type, exc_message: args, exc_module });
}

/** `UnpickleableExceptionWrapper(module, class, args, text)` hides the exception that was really raised. */
function unwrap(document: ExceptionDocument): ExceptionDocument {
  if (document.exc_type !== "UnpickleableExceptionWrapper") return document;
  const [module, name, args] = document.exc_message as unknown[];
  if (typeof module !== "string" || typeof name !== "string" || name === "" || !Array.isArray(args)) return document;
  return { exc_type: name, exc_message: args, exc_module: module };
}

const bad = (what: string, value: unknown, expected: string): DecodeError =>
  new DecodeError(`${what} is ${shown(value)}; expected ${expected}`);
