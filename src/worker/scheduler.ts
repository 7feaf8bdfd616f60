import { CeleryError } from "../errors.js";
import { parseIsoTime } from "../protocol/iso-time.js";
import { type Deferred, deferred } from "../util/deferred.js";
import { type Timer, after, now } from "../util/time.js";
import type { ContextHost } from "./context.js";
import { type Execution, execute } from "./execute.js";
import { type FinishHost, finish } from "./finish.js";
import type { Request } from "./request.js";

export interface SchedulerHost extends FinishHost {
  readonly concurrency: number;
  /** Messages to have reserved, not counting those that wait for their time; 0 for no limit. */
  readonly prefetch: number;
  readonly hostname: string;
  setPrefetch(count: number): void;
}

/** AMQP's prefetch count has 16 bits; Celery asks for no limit beyond. */
const MAX_PREFETCH = 65535;

/** Runs whose outcome is still being recorded, beyond `concurrency`: a slow store slows the worker, not fills its memory. */
const MAX_UNRECORDED = 1000;

/** Decides when a request runs: after its ETA, not after it expired, and `concurrency` at once. */
export class Scheduler {
  readonly #host: SchedulerHost;
  readonly #context: ContextHost;
  readonly #waiting = new Map<Request, Timer>();
  readonly #running = new Map<Request, Execution>();
  #ready: Request[] = [];
  #settling = 0;
  #closed = false;
  #abandoned = false;
  #idle: Deferred<void> | undefined;

  constructor(host: SchedulerHost) {
    this.#host = host;
    this.#context = {
      hostname: host.hostname,
      logger: host.logger,
      storeState: (request, state, meta) => this.#storeState(request, state, meta),
    };
  }

  add(request: Request): void {
    if (this.#closed) return;
    this.#host.logger.info("task received", { taskId: request.id, task: request.name });
    if (this.#isExpired(request)) return this.track(this.#expire(request));
    this.#admit(request);
  }

  /** Drops what has not started: the broker gives it to somebody, or already has. */
  forgetReserved(): void {
    for (const timer of this.#waiting.values()) timer.cancel();
    const waited = this.#waiting.size > 0;
    this.#waiting.clear();
    this.#ready = [];
    if (waited) this.#adjustPrefetch();
    this.#checkIdle();
  }

  /** Starts nothing more: what is not running stays unsettled, for the consumer to give back. */
  close(): void {
    this.#closed = true;
    this.forgetReserved();
  }

  /** Tells running tasks to stop and waits for none of them; what they still do is not recorded. */
  abandon(): void {
    this.#abandoned = true;
    const reason = new CeleryError("the worker is shutting down");
    for (const [request, execution] of this.#running) {
      this.#host.logger.warn("a running task was abandoned", { taskId: request.id, task: request.name });
      request.ended = true;
      execution.stop.abort(reason);
    }
    this.#running.clear();
    this.close();
  }

  /** Resolves when nothing runs or is being recorded. */
  idle(): Promise<void> {
    const { promise } = (this.#idle ??= deferred());
    this.#checkIdle();
    return promise;
  }

  /** Queues what may start now; what may not is looked at again when it is due by today's clock. */
  #admit(request: Request): void {
    const due = request.task.eta === null ? 0 : parseIsoTime(request.task.eta) - now();
    if (due <= 0) {
      this.#ready.push(request);
      this.#fill();
      return;
    }
    const wake = (): void => {
      this.#waiting.delete(request);
      this.#adjustPrefetch();
      this.#admit(request);
    };
    this.#waiting.set(request, after(due, wake));
    this.#adjustPrefetch();
  }

  /** A message that waits for its time must not keep others from coming. */
  #adjustPrefetch(): void {
    const host = this.#host;
    if (host.prefetch === 0) return;
    const count = host.prefetch + this.#waiting.size;
    host.setPrefetch(count > MAX_PREFETCH ? 0 : count);
  }

  #fill(): void {
    const { concurrency } = this.#host;
    while (this.#running.size < concurrency && this.#settling < concurrency + MAX_UNRECORDED) {
      const request = this.#ready.shift();
      if (!request) return;
      if (this.#isExpired(request)) this.track(this.#expire(request));
      else this.#start(request);
    }
  }

  #start(request: Request): void {
    // Accepted: an early acknowledgement is on its way before the first line of the task runs.
    if (!request.acksLate) void request.delivery.ack();
    this.track(this.#run(request));
  }

  async #run(request: Request): Promise<void> {
    const { results, logger } = this.#host;
    // Its failure is looked after at once: the task may run for long.
    const started = request.trackStarted
      ? results.started(request).catch((error: unknown) => {
          logger.error("STARTED could not be stored", { taskId: request.id, error });
        })
      : undefined;
    const execution = execute(request, this.#context);
    this.#running.set(request, execution);
    const outcome = await execution.outcome;
    request.ended = true;
    this.#running.delete(request);
    this.#fill();
    if (this.#abandoned) return;
    await started;
    await finish(request, outcome, this.#host);
  }

  async #storeState(request: Request, state: string, meta: unknown): Promise<void> {
    const { results, logger } = this.#host;
    if (!request.ended) return results.state(request, state, meta);
    logger.warn("a state reported after the end of a task was dropped", { taskId: request.id, state });
  }

  #isExpired(request: Request): boolean {
    return request.task.expires !== null && parseIsoTime(request.task.expires) <= now();
  }

  async #expire(request: Request): Promise<void> {
    const { results, logger } = this.#host;
    logger.info("task expired", { taskId: request.id, task: request.name });
    try {
      if (request.storesErrors) await results.revoked(request, "expired");
    } catch (error) {
      logger.error("the expiry of a task could not be stored", { taskId: request.id, error });
    }
    await request.delivery.ack();
  }

  /** Counts the work as unfinished business: `idle` waits for it. */
  track(work: Promise<void>): void {
    this.#settling++;
    void work
      .catch((error: unknown) => this.#host.logger.error("a task ended in an unexpected way", { error }))
      .finally(() => {
        this.#settling--;
        this.#fill();
        this.#checkIdle();
      });
  }

  #checkIdle(): void {
    if (!this.#abandoned && this.#settling > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}
