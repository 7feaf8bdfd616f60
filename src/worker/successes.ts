import type { Backend } from "../backends/backend.js";
import type { ResultRecord } from "../protocol/result.js";
import { saferepr } from "../protocol/saferepr.js";
import type { Logger } from "../util/logger.js";
import { now } from "../util/time.js";
import type { EventDispatcher } from "./events.js";
import type { Forwarder } from "./forward.js";
import { sendNext } from "./next-steps.js";
import type { Request } from "./request.js";
import type { Results } from "./results.js";

/** Celery's limits (celery/worker/state.py): ids remembered, and seconds for which they are. */
export const SUCCESSFUL_MAX = 1000;
export const SUCCESSFUL_EXPIRES = 10_800;

export interface SuccessesHost {
  readonly backend: Pick<Backend, "load" | "capabilities">;
  readonly results: Results;
  readonly forwarder: Forwarder;
  readonly accept: ReadonlySet<string>;
  readonly events: EventDispatcher;
  readonly logger: Logger;
}

/**
 * `workerDeduplicateSuccessfulTasks` (celery/app/trace.py): a task that acknowledges late, comes back, and is known to
 * have succeeded is not run again. Known here, or to a store of results that keeps them for everybody.
 */
export class Successes {
  readonly #host: SuccessesHost;
  readonly #enabled: boolean;
  /** By id, when: in milliseconds since 1970, oldest first. */
  readonly #ids = new Map<string, number>();

  constructor(enabled: boolean, host: SuccessesHost) {
    const { results, persistent } = host.backend.capabilities;
    // Without such a store Python does not look at what it knows itself either.
    this.#enabled = enabled && results && persistent;
    this.#host = host;
  }

  add(id: string): void {
    if (!this.#enabled) return;
    this.#ids.delete(id);
    this.#ids.set(id, now());
    for (const oldest of this.#ids.keys()) {
      if (this.#ids.size <= SUCCESSFUL_MAX) return;
      this.#ids.delete(oldest);
    }
  }

  /** Whether the request has to be looked at. */
  concerns(request: Request): boolean {
    return this.#enabled && request.acksLate;
  }

  /**
   * Whether the task has succeeded before. What was to follow it is sent now if its result knows of no children: then
   * its worker died before. Rejects when that cannot be sent.
   */
  async has(request: Request): Promise<boolean> {
    const at = this.#ids.get(request.id);
    if (at !== undefined && at + SUCCESSFUL_EXPIRES * 1000 > now()) return true;
    const record = await this.#load(request);
    if (record?.status !== "SUCCESS") return false;
    const { events, logger } = this.#host;
    const fields = { taskId: request.id, task: request.name };
    logger.info(`Task ${request.name}[${request.id}] ignored: it has completed successfully already`, fields);
    const { callbacks, chain } = request.task;
    if ((callbacks?.length || chain?.length) && !record.children?.length)
      await sendNext(request, record.result, this.#host);
    events.task("task-succeeded", request, { result: saferepr(record.result), runtime: 0 });
    this.add(request.id);
    return true;
  }

  async #load(request: Request): Promise<ResultRecord | null> {
    try {
      return await this.#host.backend.load(request.id);
    } catch (error) {
      // As in Python: rather twice than never.
      const fields = { taskId: request.id, task: request.name, error };
      this.#host.logger.warn("whether a task has succeeded before could not be read: it runs again", fields);
      return null;
    }
  }
}
