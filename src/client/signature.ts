import type { SignatureDocument } from "../protocol/signature.js";
import type { AnySignature, CallOptions, ResultPromise, Signature } from "./types.js";

/** Sends a task by name: what a signature needs of its application. */
export type SendTask = <R>(name: string, args: readonly unknown[], options: CallOptions) => ResultPromise<R>;

/** Call options under their wire names inside a signature document. */
const WIRE_NAMES: Readonly<Partial<Record<keyof CallOptions, string>>> = {
  taskId: "task_id",
  countdown: "countdown",
  eta: "eta",
  expires: "expires",
  queue: "queue",
  exchange: "exchange",
  routingKey: "routing_key",
  priority: "priority",
  serializer: "serializer",
  compression: "compression",
  headers: "headers",
  timeLimit: "time_limit",
  softTimeLimit: "soft_time_limit",
  ignoreResult: "ignore_result",
  shadow: "shadow",
};

/** Celery's Signature (celery/canvas.py) of one task. */
export class TaskSignature<I extends unknown[], O> implements Signature<I, O> {
  readonly task: string;
  readonly #args: readonly unknown[];
  readonly #immutable: boolean;
  readonly #send: SendTask;
  #options: CallOptions;

  constructor(task: string, args: readonly unknown[], options: CallOptions, immutable: boolean, send: SendTask) {
    this.task = task;
    this.#args = args;
    this.#options = options;
    this.#immutable = immutable;
    this.#send = send;
  }

  set(options: CallOptions): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }

  link(callback: AnySignature): this {
    return this.set({ link: [...listOf(this.#options.link), callback] });
  }

  linkError(errback: AnySignature): this {
    return this.set({ linkError: [...listOf(this.#options.linkError), errback] });
  }

  delay(...args: I): ResultPromise<O> {
    return this.applyAsync(args);
  }

  applyAsync(args: I, options: CallOptions = {}): ResultPromise<O> {
    const stored = this.#options;
    const merged = { ...stored, ...options };
    if (this.#immutable) return this.#send<O>(this.task, this.#args, { ...merged, kwargs: stored.kwargs ?? {} });
    if (stored.kwargs && options.kwargs) merged.kwargs = { ...stored.kwargs, ...options.kwargs };
    return this.#send<O>(this.task, [...args, ...this.#args], merged);
  }

  toJSON(): SignatureDocument {
    return {
      task: this.task,
      args: this.#args,
      kwargs: this.#options.kwargs ?? {},
      options: this.#wireOptions(),
      subtask_type: null,
      immutable: this.#immutable,
    };
  }

  #wireOptions(): Record<string, unknown> {
    const { stamps, link, linkError } = this.#options;
    const options: Record<string, unknown> = {};
    for (const [name, wire] of Object.entries(WIRE_NAMES)) {
      const value = this.#options[name as keyof CallOptions];
      if (value !== undefined) options[wire] = value;
    }
    if (link !== undefined) options.link = listOf(link).map((one) => one.toJSON());
    if (linkError !== undefined) options.link_error = listOf(linkError).map((one) => one.toJSON());
    if (stamps !== undefined) Object.assign(options, stamps, { stamped_headers: Object.keys(stamps) });
    return options;
  }
}

const listOf = (value: CallOptions["link"]): readonly AnySignature[] =>
  value === undefined ? [] : ((Array.isArray(value) ? value : [value]) as readonly AnySignature[]);
