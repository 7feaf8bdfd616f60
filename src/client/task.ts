import { type SendTask, TaskSignature } from "./signature.js";
import type { TaskContext } from "./task-context.js";
import { type DefinedOptions, checkTaskOptions } from "./task-options.js";
import type { AnyTask, CallOptions, Open, ResultPromise, Signature, Tail, Task } from "./types.js";

export type { DefinedOptions } from "./task-options.js";

/** The handler of a task with its options, as the worker takes it. */
export interface TaskDefinition {
  readonly options: Readonly<DefinedOptions>;
  /** It reads its message by itself: `run` is given no arguments. */
  readonly takesMessage?: boolean;
  /** It runs on the event loop of the worker, whatever the pool: tasks of Celery's own that only send and store. */
  readonly onEventLoop?: boolean;
  /** Calls the handler; the context goes first when the task is bound. */
  run(context: TaskContext, args: readonly unknown[]): unknown;
}

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
  checkTaskOptions(`the task ${task.name}`, options);
  const call = handler as (...args: unknown[]) => unknown;
  definitions.set(task, {
    options,
    run: options.bind ? (context, args) => call(context, ...args) : (_context, args) => call(...args),
  });
}
