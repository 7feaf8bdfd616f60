import * as errors from "../errors.js";
import { isError } from "../util/is-error.js";
import { className } from "./error-name.js";
import { readException } from "./exception-document.js";
import { exactRepr, exactStr, tupleRepr } from "./python-text.js";
import type { ExceptionDocument } from "./result-record.js";
import { saferepr } from "./saferepr.js";

export { pythonTraceback } from "./python-traceback.js";

/** Errors to and from the exceptions of results (celery/backends/base.py `prepare_exception`, `exception_to_python`). */

/** Module of errors that Python has no class for: it reads them as classes of this name, made up on the spot. */
const OUR_MODULE = "celeriac";

/** Errors that mean the same in Python. Its other built-in names are no exceptions, or mean something else. */
const SAME_IN_PYTHON: Readonly<Record<string, string>> = {
  Error: "Exception",
  TypeError: "TypeError",
};

const OWN_CLASSES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [errors.CeleryError, "celery.exceptions"],
  [errors.ImproperlyConfigured, "celery.exceptions"],
  [errors.QueueNotFound, "celery.exceptions"],
  [errors.InvalidTaskError, "celery.exceptions"],
  [errors.TimeoutError, "celery.exceptions"],
  [errors.Ignore, "celery.exceptions"],
  [errors.Retry, "celery.exceptions"],
  [errors.OperationalError, "kombu.exceptions"],
  [errors.EncodeError, "kombu.exceptions"],
  [errors.DecodeError, "kombu.exceptions"],
  [errors.ContentDisallowed, "kombu.exceptions"],
]);

/**
 * The exception that Python clients see for an error thrown here. An error that came from a task keeps its class,
 * module and arguments; the library's errors have the names they have in Celery; `Error` is an `Exception`; every
 * other class keeps its own name, outside Python's modules, with its message as the only argument.
 */
export function errorToException(error: unknown): ExceptionDocument {
  try {
    return describe(error);
  } catch {
    // Getters of an error may throw; it has to be stored as a failure all the same.
    return { exc_type: "Exception", exc_message: ["an error that cannot be shown"], exc_module: "builtins" };
  }
}

function describe(error: unknown): ExceptionDocument {
  if (error instanceof errors.TaskError)
    return { exc_type: error.type, exc_message: [...error.args], exc_module: error.module };
  if (!isError(error)) return { exc_type: "Exception", exc_message: [thrown(error)], exc_module: "builtins" };
  const message = messageOf(error);
  if (error instanceof errors.Reject)
    return { exc_type: "Reject", exc_message: [message, error.requeue], exc_module: "celery.exceptions" };
  const own = OWN_CLASSES.get(error.constructor);
  if (own !== undefined) return { exc_type: error.constructor.name, exc_message: [message], exc_module: own };
  const name = className(error);
  const python = Object.hasOwn(SAME_IN_PYTHON, name) ? SAME_IN_PYTHON[name] : undefined;
  return python !== undefined
    ? { exc_type: python, exc_message: [message], exc_module: "builtins" }
    : { exc_type: name, exc_message: [message], exc_module: OUR_MODULE };
}

/** What was thrown, when it was no error: texts as they are. */
const thrown = (value: unknown): string => (typeof value === "string" ? value : saferepr(value));

/** An `AggregateError` often has no message of its own (several failed connection attempts). */
function messageOf(error: Error): string {
  const message = String(error.message);
  const { errors: gathered } = error as { errors?: unknown };
  if (message !== "" || !Array.isArray(gathered)) return message;
  return gathered.map((one: unknown) => (isError(one) ? String(one.message) : thrown(one))).join("; ");
}

type TaskErrorClass = new (message: string, info: errors.TaskErrorInfo, options?: ErrorOptions) => errors.TaskError;

const CELERY: ReadonlySet<string | null> = new Set(["celery.exceptions", "billiard.exceptions"]);
const CLASSES: ReadonlyMap<string, TaskErrorClass> = new Map<string, TaskErrorClass>([
  ["NotRegistered", errors.NotRegistered],
  ["TaskRevokedError", errors.TaskRevokedError],
  ["ChordError", errors.ChordError],
  ["MaxRetriesExceededError", errors.MaxRetriesExceededError],
  ["TimeLimitExceeded", errors.TimeLimitExceeded],
  ["SoftTimeLimitExceeded", errors.SoftTimeLimitExceeded],
  ["WorkerLostError", errors.WorkerLostError],
]);

/**
 * The error for a task that failed elsewhere. Its message is what `str(exc)` gives in Python, and the worker's
 * traceback is added to the stack. Throws `DecodeError` when the document is no exception.
 */
export function exceptionToError(
  document: unknown,
  info: { readonly taskId?: string | null; readonly traceback?: string | null } = {},
): errors.TaskError {
  const { taskId = null, traceback = null } = info;
  const exception = readException(document);
  const type = exception?.exc_type ?? "Exception";
  const module = exception?.exc_module ?? null;
  const args = (exception?.exc_message ?? []) as readonly unknown[];
  const message = exception ? exceptionStr(exception) : "the task failed and stored no exception";
  const Class = (CELERY.has(module) && CLASSES.get(type)) || errors.TaskError;
  const error = new Class(message, { type, module, args, traceback, taskId });
  if (traceback) error.stack = `${error.stack ?? message}\n\nIn the worker:\n${traceback}`;
  return error;
}

const argumentsOf = (document: ExceptionDocument): readonly unknown[] =>
  Array.isArray(document.exc_message) ? document.exc_message : [document.exc_message];

/** Python's `str(exc)`. */
function exceptionStr(document: ExceptionDocument): string {
  const { exc_type: type, exc_module: module } = document;
  const args = argumentsOf(document);
  // billiard's two classes show themselves like this
  if (module === "billiard.exceptions" && /^(?:Soft)?TimeLimitExceeded$/.test(type)) return type + tupleRepr(args);
  if (args.length === 0) return "";
  if (args.length === 1) return isKeyError(type, module) ? exactRepr(args[0]) : exactStr(args[0]);
  if (module === "builtins" && OS_ERRORS.test(type) && args.length <= 5) return osError(args);
  return tupleRepr(args);
}

const isKeyError = (type: string, module: string | null): boolean =>
  module === "builtins"
    ? type === "KeyError"
    : module === "celery.exceptions" && (type === "NotRegistered" || type === "QueueNotFound");

const OS_ERRORS =
  /^(?:OSError|IOError|EnvironmentError|BlockingIOError|ChildProcessError|ConnectionError|BrokenPipeError|ConnectionAbortedError|ConnectionRefusedError|ConnectionResetError|FileExistsError|FileNotFoundError|InterruptedError|IsADirectoryError|NotADirectoryError|PermissionError|ProcessLookupError|TimeoutError)$/;

/** `OSError(errno, text, file, _, file2)`. */
function osError([errno, text, file, , other]: readonly unknown[]): string {
  const names = [file, other].filter((name) => name !== undefined && name !== null).map(exactRepr);
  return `[Errno ${exactStr(errno)}] ${exactStr(text)}${names.length > 0 ? `: ${names.join(" -> ")}` : ""}`;
}

/** Python's `repr(exc)`, as events and chord errors show it: `ValueError('boom', 1)`. */
export function exceptionRepr(document: ExceptionDocument): string {
  const name = document.exc_type.slice(document.exc_type.lastIndexOf(".") + 1);
  // The one class with a form of its own.
  if (name === "Reject" && document.exc_module === "celery.exceptions") {
    const [reason, requeue] = argumentsOf(document);
    return `reject requeue=${exactRepr(requeue ?? false)}: ${exactStr(reason)}`;
  }
  return `${name}(${argumentsOf(document).map(exactRepr).join(", ")})`;
}
