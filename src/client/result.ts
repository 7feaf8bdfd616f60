import type { Backend } from "../backends/backend.js";
import { TaskError, TimeoutError } from "../errors.js";
import { exceptionToError } from "../protocol/exception.js";
import {
  type ResultNode,
  type ResultRecord,
  type State,
  isException,
  isPropagated,
  isReady,
} from "../protocol/result.js";
import { DateTime } from "../protocol/values.js";
import type { AsyncResult, GetOptions, TaskMeta } from "./types.js";
import { waitLimit } from "./wait-limit.js";

/** What a result handle needs of its application. */
export interface ResultContext {
  backend(): Promise<Backend>;
  revoke(id: string, options: { terminate?: boolean; signal?: string }): Promise<void>;
}

/** Celery's AsyncResult (celery/result.py). The final state is kept, so it is asked for once. */
export class TaskResult<R> implements AsyncResult<R> {
  readonly id: string;
  readonly #context: ResultContext;
  readonly #ignored: boolean;
  #final: ResultRecord | undefined;

  constructor(id: string, context: ResultContext, ignored = false) {
    this.id = id;
    this.#context = context;
    this.#ignored = ignored;
  }

  async get(options: GetOptions = {}): Promise<R> {
    if (this.#ignored) return null as R;
    const record = this.#final ?? (await this.#wait(options));
    const value = valueOf(record);
    if (isPropagated(record.status) && (options.propagate ?? true)) throw value;
    return value as R;
  }

  async state(): Promise<State> {
    return (await this.#load())?.status ?? "PENDING";
  }

  async meta(): Promise<TaskMeta> {
    return metaOf(this.id, await this.#load());
  }

  async *updates(options: { signal?: AbortSignal } = {}): AsyncIterable<TaskMeta> {
    if (this.#final) {
      yield metaOf(this.id, this.#final);
      return;
    }
    const backend = await this.#context.backend();
    for await (const record of backend.watch([this.id], options)) {
      this.#keep(record);
      yield metaOf(this.id, record);
    }
  }

  async children(): Promise<AsyncResult[]> {
    const record = await this.#load();
    return (record?.children ?? []).flatMap((node) => this.#tasksOf(node));
  }

  revoke(options: { terminate?: boolean; signal?: string } = {}): Promise<void> {
    return this.#context.revoke(this.id, options);
  }

  async forget(): Promise<void> {
    this.#final = undefined;
    await (await this.#context.backend()).forget(this.id);
  }

  toString(): string {
    return this.id;
  }

  #tasksOf(node: ResultNode): AsyncResult[] {
    if (node.children) return node.children.flatMap((child) => this.#tasksOf(child));
    return [new TaskResult(node.id, this.#context)];
  }

  async #load(): Promise<ResultRecord | null> {
    return this.#final ?? this.#keep(await (await this.#context.backend()).load(this.id));
  }

  #keep<T extends ResultRecord | null>(record: T): T {
    if (record && isReady(record.status)) this.#final = record;
    return record;
  }

  async #wait(options: GetOptions): Promise<ResultRecord> {
    options.signal?.throwIfAborted();
    const backend = await this.#context.backend();
    const limit = waitLimit(this.id, options);
    try {
      for await (const record of backend.watch([this.id], { signal: limit.signal }))
        if (isReady(record.status)) return this.#keep(record);
      throw new TimeoutError(`waiting for task ${this.id} ended without a result: the result backend was closed`);
    } finally {
      limit.end();
    }
  }
}

/** The value or, in the states that have one, the error. */
function valueOf(record: ResultRecord): unknown {
  if (!isException(record.status) || record.result === null) {
    if (!isPropagated(record.status)) return record.result;
    const info = { type: "Exception", module: null, args: [], traceback: record.traceback, taskId: record.taskId };
    return new TaskError(`task ${record.taskId} ended as ${record.status} without an exception`, info);
  }
  return exceptionToError(record.result, { taskId: record.taskId, traceback: record.traceback });
}

function metaOf(id: string, record: ResultRecord | null): TaskMeta {
  if (!record) return { id, state: "PENDING", result: null, traceback: null, dateDone: null };
  const { extended } = record;
  return {
    id,
    state: record.status,
    result: valueOf(record),
    traceback: record.traceback,
    dateDone: record.dateDone === null ? null : new DateTime(record.dateDone),
    ...(extended && {
      name: extended.name,
      args: extended.args,
      kwargs: extended.kwargs,
      worker: extended.worker,
      retries: extended.retries,
      queue: extended.queue,
    }),
  };
}
