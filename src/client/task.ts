import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ImproperlyConfigured } from "../errors.js";
import { type SendTask, TaskSignature } from "./signature.js";
import type { TaskContext } from "./task-context.js";
import { unknownName } from "./settings.js";
import type { AnyTask, CallOptions, Open, ResultPromise, Signature, Tail, Task, TaskOptions } from "./types.js";

/** Options of a task whatever its arguments. */
export type DefinedOptions = Omit<TaskOptions, "params" | "schema"> & {
  readonly params?: readonly string[];
  readonly schema?: StandardSchemaV1;
};

/** The handler of a task with its options, as the worker takes it. */
export interface TaskDefinition {
  readonly options: Readonly<DefinedOptions>;
  /** Calls the handler; the context goes first when the task is bound. */
  run(context: TaskContext, args: readonly unknown[]): unknown;
}

const OPTION_NAMES: readonly (keyof TaskOptions)[] = [
  ...(["bind", "params", "queue", "exchange", "routingKey", "priority", "serializer", "compression"] as const),
  ...(["maxRetries", "defaultRetryDelay", "acksLate", "acksOnFailureOrTimeout", "ignoreResult"] as const),
  ...(["storeErrorsEvenIfIgnored", "trackStarted", "timeLimit", "softTimeLimit", "rateLimit", "sendEvents"] as const),
  ...(["autoretryFor", "dontAutoretryFor", "retryBackoff", "retryBackoffMax", "retryJitter", "throws"] as const),
  ...(["schema", "acksOnFailure", "acksOnTimeout", "rejectOnWorkerLost", "retryOnWorkerLost"] as const),
];

/** Which of the task's own options are call options of each message it sends. */
const SENT: readonly (keyof TaskOptions & keyof CallOptions)[] = [
  ...(["queue", "exchange", "routingKey", "priority", "serializer", "compression"] as const),
  ...(["ignoreResult", "timeLimit", "softTimeLimit"] as const),
];

const definitions = new WeakMap<AnyTask, TaskDefinition>();

/** The definition of a task that this program runs, or undefined for one that runs elsewhere. */
export const definitionOf = (task: AnyTask): TaskDefinition | undefined => definitions.get(task);

/** Celery's Task (celery/app/task.py): one object to define, call and compose. */
export class NamedTask<A extends unknown[], R> implements Task<A, R> {
  readonly name: string;
  readonly #defaults: Readonly<CallOptions>;
  readonly #send: SendTask;

  constructor(name: string, defaults: Readonly<CallOptions>, send: SendTask) {
    this.name = name;
    this.#defaults = defaults;
    this.#send = send;
  }

  delay(...args: A): ResultPromise<R> {
    return this.#send<R>(this.name, args, this.#defaults);
  }

  applyAsync(args: A, options?: CallOptions): ResultPromise<R> {
    return this.#send<R>(this.name, args, options ? { ...this.#defaults, ...options } : this.#defaults);
  }

  s(): Signature<A, R>;
  s<P extends Tail<Required<A>>>(...partial: P): Signature<Open<A, P>, R>;
  s(...partial: unknown[]): Signature<never, R> {
    return new TaskSignature<never, R>(this.name, partial, { ...this.#defaults }, false, this.#send);
  }

  si(...args: A): Signature<unknown[], R> {
    return new TaskSignature<unknown[], R>(this.name, args, { ...this.#defaults }, true, this.#send);
  }
}

/** Attaches a handler, checking the options. Throws `ImproperlyConfigured`. */
export function define(task: AnyTask, options: Readonly<DefinedOptions>, handler: (...args: never[]) => unknown): void {
  for (const key of Object.keys(options))
    if (!OPTION_NAMES.includes(key as keyof TaskOptions))
      throw unknownName(`option of the task ${task.name}`, key, OPTION_NAMES);
  if (options.params && new Set(options.params).size !== options.params.length)
    throw new ImproperlyConfigured(
      `params of the task ${task.name} name an argument twice: ${options.params.join(", ")}`,
    );
  const call = handler as (...args: unknown[]) => unknown;
  definitions.set(task, {
    options,
    run: options.bind ? (context, args) => call(context, ...args) : (_context, args) => call(...args),
  });
}

/** The call options that a task's own options make. */
export function sentDefaults(options: Readonly<DefinedOptions>): CallOptions {
  return Object.fromEntries(SENT.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]));
}
