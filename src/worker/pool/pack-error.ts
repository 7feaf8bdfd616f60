import * as errors from "../../errors.js";
import { dumps, loads } from "../../protocol/json.js";
import { errorToException, exceptionToError, pythonTraceback } from "../../protocol/exception.js";
import type { ExceptionDocument } from "../../protocol/result.js";
import { saferepr } from "../../protocol/saferepr.js";
import { isError } from "../../util/is-error.js";

/** An error on its way out of a thread: what is stored of it and what people read, not its class. */
export interface PackedError {
  /** JSON of its exception document. */
  readonly exception: string;
  /** In Python's form. */
  readonly traceback: string;
  /** JavaScript's own, for logs. */
  readonly stack: string | null;
}

export function packError(error: unknown): PackedError {
  return {
    exception: exceptionJson(errorToException(error)),
    traceback: pythonTraceback(error),
    stack: stackOf(error),
  };
}

function exceptionJson(exception: ExceptionDocument): string {
  try {
    return dumps(exception);
  } catch {
    // An argument of another serializer's: its text says more than that it could not be written.
    const { exc_message: args } = exception;
    return dumps({
      ...exception,
      exc_message: Array.isArray(args) ? args.map((one) => saferepr(one)) : saferepr(args),
    });
  }
}

/** Anything can be thrown, also what does not let itself be read. */
function stackOf(error: unknown): string | null {
  try {
    return isError(error) && typeof error.stack === "string" ? error.stack : null;
  } catch {
    return null;
  }
}

/** An error that is stored as the one in the thread would have been. */
export function unpackError({ exception, stack }: PackedError): errors.TaskError {
  const error = exceptionToError(loads(exception, { floats: "keep" }));
  if (stack !== null) error.stack = stack;
  return error;
}

/** Why a handler is told to stop, or a state was not stored: one of the library's errors, on its way into a thread. */
export interface PackedReason {
  readonly name: string;
  readonly message: string;
  /** JSON of its exception document. */
  readonly exception: string;
}

export function packReason(error: unknown): PackedReason {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message, exception: exceptionJson(errorToException(error)) };
}

const PLAIN: ReadonlyMap<string, new (message: string) => errors.CeleryError> = new Map<
  string,
  new (message: string) => errors.CeleryError
>([
  ["CeleryError", errors.CeleryError],
  ["EncodeError", errors.EncodeError],
  ["ImproperlyConfigured", errors.ImproperlyConfigured],
  ["NotSupported", errors.NotSupported],
  ["OperationalError", errors.OperationalError],
  ["TimeoutError", errors.TimeoutError],
]);

export function unpackReason({ name, message, exception }: PackedReason): errors.CeleryError {
  const Plain = PLAIN.get(name);
  if (Plain) return new Plain(message);
  const error = exceptionToError(loads(exception, { floats: "keep" }));
  error.message = message;
  return error;
}
