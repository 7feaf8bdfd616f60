import type { Backend } from "../backends/backend.js";
import type { Config } from "../client/config.js";
import { TaskRevokedError } from "../errors.js";
import { errorToException } from "../protocol/exception.js";
import {
  type ExceptionDocument,
  type ExtendedResult,
  type ResultRecord,
  type State,
  dateDone,
  isReady,
} from "../protocol/result.js";
import type { TaskRequest } from "../protocol/task-message.js";
import { now } from "../util/time.js";
import type { Request } from "./request.js";

/** Writes the states of requests (celery/backends/base.py `mark_as_*`). */
export class Results {
  readonly #backend: Backend;
  readonly #config: Readonly<Config>;
  readonly #hostname: string;

  constructor(backend: Backend, config: Readonly<Config>, hostname: string) {
    this.#backend = backend;
    this.#config = config;
    this.#hostname = hostname;
  }

  state(request: Request, state: State, meta: unknown): Promise<void> {
    return this.#store(request, state, meta, null);
  }

  started(request: Request): Promise<void> {
    return this.#store(request, "STARTED", { pid: process.pid, hostname: this.#hostname }, null);
  }

  success(request: Request, value: unknown): Promise<void> {
    return this.#store(request, "SUCCESS", value, null);
  }

  failure(request: Request, exception: ExceptionDocument, traceback: string | null): Promise<void> {
    return this.#store(request, "FAILURE", exception, traceback);
  }

  retry(request: Request, exception: ExceptionDocument | null, traceback: string | null): Promise<void> {
    return this.#store(request, "RETRY", exception, traceback);
  }

  revoked(request: Request, reason: "revoked" | "expired" | "terminated"): Promise<void> {
    const info = { type: "TaskRevokedError", module: "celery.exceptions", args: [reason], taskId: request.id };
    return this.#store(request, "REVOKED", errorToException(new TaskRevokedError(reason, info)), null);
  }

  /** REVOKED for a task that is not here and of which nothing is known but, at most, that it waits (Celery 5.7). */
  async revokedElsewhere(taskId: string): Promise<void> {
    if (!this.#backend.capabilities.results) return;
    const known = await this.#backend.load(taskId);
    if (known && !UNSTARTED.includes(known.status)) return;
    const info = { type: "TaskRevokedError", module: "celery.exceptions", args: ["revoked"], taskId };
    const result = errorToException(new TaskRevokedError("revoked", info));
    const record = { taskId, status: "REVOKED", traceback: null, children: null, dateDone: dateDone(new Date(now())) };
    await this.#backend.store({ ...record, result });
  }

  /** FAILURE for a task that did not become a request here: no such task, or the rest of a chain that broke. */
  async failed(
    task: Pick<TaskRequest, "id" | "replyTo" | "correlationId">,
    error: unknown,
    traceback: string | null,
    about: Partial<ExtendedResult> = {},
  ): Promise<void> {
    const extended = { ...UNKNOWN, ...about };
    const record = { taskId: task.id, status: "FAILURE", traceback, children: [], dateDone: dateDone(new Date(now())) };
    const result: ExceptionDocument = errorToException(error);
    await this.#backend.store({ ...record, result, ...(this.#config.resultExtended && { extended }) }, task);
  }

  #store(request: Request, status: State, result: unknown, traceback: string | null): Promise<void> {
    const { task, delivery } = request;
    const record: ResultRecord = {
      taskId: task.id,
      status,
      result,
      traceback,
      children: request.children,
      dateDone: isReady(status) ? dateDone(new Date(now())) : null,
      groupId: task.group,
      parentId: task.parentId,
      ...(this.#config.resultExtended && {
        extended: {
          name: task.task,
          args: task.args,
          kwargs: task.kwargs,
          worker: this.#hostname,
          retries: task.retries,
          queue: delivery.info.routingKey,
          stampedHeaders: task.stampedHeaders,
          stamps: task.stamps,
        },
      }),
    };
    return this.#backend.store(record, task);
  }
}

/** What extended results tell of a task that never was here. */
const UNKNOWN: ExtendedResult = { name: null, args: null, kwargs: null, worker: null, retries: null, queue: null };

/** States of a task that no worker has started yet. */
const UNSTARTED: readonly State[] = ["PENDING", "RECEIVED", "RETRY", "REJECTED"];
