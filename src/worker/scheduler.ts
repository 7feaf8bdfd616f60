import type { Signals } from "../client/signals.js";
import type { EventFields } from "../protocol/event.js";
import { pythonTime } from "../protocol/iso-time.js";
import { type Deferred, deferred } from "../util/deferred.js";
import { Fifo } from "../util/fifo.js";
import { now } from "../util/time.js";
import { Comebacks } from "./comebacks.js";
import type { EventDispatcher } from "./events.js";
import { Execution, type ExecutionHost } from "./execution.js";
import { type FinishHost, finish, revoked, settle } from "./finish.js";
import type { Pool } from "./pool/pool.js";
import { PrefetchWindow, type WindowOptions } from "./prefetch-window.js";
import { type ChangedRates, RateLimits } from "./rate-limits.js";
import type { Request, RequestState, TimeLimits } from "./request.js";
import type { RevokedTasks } from "./revoked.js";
import { requestInfo } from "./run/run-request.js";
import { Waiting } from "./waiting.js";

export interface SchedulerHost extends FinishHost {
  /** How many tasks at once, at first, and how many messages are reserved for them. */
  readonly window: WindowOptions;
  readonly rateLimits: {
    readonly byDefault: string | number | null;
    readonly disabled: boolean;
    readonly changed: ChangedRates;
  };
  /** Time limits set while the worker runs, by task name. */
  readonly timeLimits: ReadonlyMap<string, TimeLimits>;
  readonly pool: Pool;
  readonly revoked: RevokedTasks;
  readonly events: EventDispatcher;
  readonly signals: Signals;
  setPrefetch(count: number): void;
  /** Set where a message is taken only when a task can start at once: how many may have been handed out in all. */
  readonly setCredit: ((total: number) => void) | null;
}

/** Runs whose outcome is still being recorded, beyond `concurrency`: a slow store slows the worker, not fills its memory. */
const MAX_UNRECORDED = 1000;

/** Decides when a request runs: at its time, within its rate, not when it is revoked or expired, and `concurrency` at once. */
export class Scheduler {
  readonly #host: SchedulerHost;
  readonly #executions: ExecutionHost;
  readonly #window: PrefetchWindow;
  readonly #waiting = new Waiting((request) => this.#isDue(request));
  readonly #limits: RateLimits;
  readonly #comebacks: Comebacks;
  readonly #running = new Map<Request, Execution>();
  /** Those whose outcome is being recorded. */
  readonly #finishing = new Set<Request>();
  readonly #ready = new Fifo<Request>();
  #concurrency: number;
  /** Deliveries so far. */
  #received = 0;
  #settling = 0;
  #accepted = 0;
  #closed = false;
  #idle: Deferred<void> | undefined;

  constructor(host: SchedulerHost) {
    this.#host = host;
    const { successes, redeliveries, logger } = host;
    this.#comebacks = new Comebacks({
      ...{ successes, redeliveries, logger },
      ready: (request) => this.#admit(request),
      done: (request) => settle(request, "ack", host),
      dead: (request, ending) => finish(request, ending, host),
      requeue: (request) => settle(request, "return", host),
      track: (work) => this.track(work),
    });
    this.#limits = new RateLimits(host.rateLimits, (request) => this.#comebacks.pass(request));
    this.#concurrency = host.window.concurrency;
    this.#window = new PrefetchWindow(host.window, (count) => host.setPrefetch(count));
    this.#executions = {
      pool: host.pool,
      logger: host.logger,
      accepted: (request) => this.#onAccepted(request),
      storeState: (request, state, meta) => this.#storeState(request, state, meta),
    };
  }

  /** Tasks in the pool. */
  get active(): readonly Execution[] {
    return [...this.#running.values()];
  }

  /** Tasks that were started so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Messages to have unsettled; 0 for no limit. */
  get prefetch(): number {
    return this.#window.count;
  }

  /** Tasks that wait for their time. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Tasks that run at once. Fewer: those that run go on. */
  get concurrency(): number {
    return this.#concurrency;
  }

  set concurrency(count: number) {
    this.#concurrency = count;
    this.#window.concurrency = count;
    this.#fill();
    this.#grant();
  }

  /** Changes the rate limit of a task, in runs a second; null for none. */
  setRateLimit(name: string, rate: number | null): void {
    this.#limits.set(name, rate);
  }

  /** The requests here with their states. Those held back by a rate have none, as in Celery. */
  *requests(): Iterable<readonly [Request, RequestState]> {
    for (const request of this.#running.keys()) yield [request, request.startedAt === null ? "reserved" : "active"];
    for (const request of this.#ready) yield [request, "reserved"];
    for (const request of this.#comebacks) yield [request, "reserved"];
    for (const { request } of this.#waiting.entries()) yield [request, "scheduled"];
  }

  /** The tasks that run, or whose outcome is being recorded. */
  activeIds(): ReadonlySet<string> {
    const running = [...this.#running.keys()].filter(({ startedAt }) => startedAt !== null);
    return new Set([...running, ...this.#finishing].map(({ id }) => id));
  }

  /** Stops a task that runs because it was revoked. */
  terminate(request: Request, signum: number): void {
    this.#running.get(request)?.terminate(signum);
  }

  /** Takes over what was received: a request, or null for a message that was none. */
  add(request: Request | null): void {
    this.#received++;
    if (request) {
      request.arrival = this.#received;
      this.#take(request);
    }
    this.#grant();
  }

  #take(request: Request): void {
    // Read while the worker was stopping.
    if (this.#closed) return void this.#ready.push(request);
    const { logger, signals, events, hostname } = this.#host;
    const { id, name } = request;
    if (logger.isLevelEnabled?.("info") ?? true)
      logger.info(`Task ${name}[${id}] received`, { taskId: id, task: name });
    // Stamps are looked at when its turn comes, as in Celery: monitors hear that it was received.
    if (this.#refuse(request, false)) return;
    if (signals.taskReceived.connected)
      void signals.taskReceived.send(name, { taskId: id, task: name, request: requestInfo(request, hostname) });
    if (events.enabled) events.task("task-received", request, received(request));
    const { dueAt } = request;
    if (dueAt === null || dueAt <= now()) return this.#limits.pass(request);
    request.park(this.#host.accept);
    this.#waiting.add(request, dueAt);
    this.#window.waiting = this.#waiting.size;
  }

  /** Drops what has not started: the broker gives it to somebody, or already has. */
  forgetReserved(): void {
    this.#takeUnstarted();
    this.#window.reduce(this.#running.size);
    this.#grant();
    this.#checkIdle();
  }

  /** Starts nothing more. */
  close(): void {
    this.#closed = true;
  }

  /** Gives back what has not started. */
  async giveBack(): Promise<void> {
    await this.#host.redeliveries.giveBackAll(this.#takeUnstarted());
  }

  /** Stops running tasks that the given test picks; `retry` says whether their results tell of it. */
  cancel(which: (request: Request) => boolean, retry: (request: Request) => boolean, why: string): void {
    for (const [request, execution] of this.#running) if (which(request)) execution.cancel(retry(request), why);
  }

  /** Resolves when nothing runs or is being recorded. */
  idle(): Promise<void> {
    const { promise } = (this.#idle ??= deferred());
    this.#checkIdle();
    return promise;
  }

  /** Counts the work as unfinished business: `idle` waits for it. */
  track(work: Promise<void>): void {
    this.#settling++;
    const done = (): void => {
      this.#settling--;
      this.#fill();
      // What had come back and was decided on may have left a place.
      this.#grant();
      this.#checkIdle();
    };
    void work.then(done, (error: unknown) => {
      this.#host.logger.error("a task ended in an unexpected way", { error });
      done();
    });
  }

  #takeUnstarted(): Request[] {
    const requests = [
      ...[...this.#ready.clear(), ...this.#comebacks.clear()],
      ...[...this.#limits.clear(), ...this.#waiting.clear()],
    ];
    this.#window.waiting = 0;
    return requests.sort((a, b) => a.arrival - b.arrival);
  }

  #isDue(request: Request): void {
    request.unpark();
    this.#window.waiting = this.#waiting.size;
    this.#limits.pass(request);
    this.#grant();
  }

  #admit(request: Request): void {
    this.#ready.push(request);
    this.#fill();
  }

  #fill(): void {
    if (this.#closed) return;
    const concurrency = this.#concurrency;
    while (this.#running.size < concurrency && this.#settling < concurrency + MAX_UNRECORDED) {
      const request = this.#ready.shift();
      if (!request) return;
      if (!this.#refuse(request)) this.track(this.#run(request));
    }
  }

  /** Deals with a request that must not run: true when it was one. */
  #refuse(request: Request, byStamps = true): boolean {
    const { revoked: ids } = this.#host;
    const { expired } = request;
    if (!expired && !ids.has(request.id) && !(byStamps && ids.hasStamp(request.task))) return false;
    if (expired) ids.add(request.id);
    this.track(this.#discard(request, expired));
    return true;
  }

  async #discard(request: Request, expired: boolean): Promise<void> {
    await revoked(request, { terminated: false, signum: null, expired }, this.#host);
    await settle(request, "ack", this.#host);
  }

  async #run(request: Request): Promise<void> {
    const changed = this.#host.timeLimits.size > 0 && this.#host.timeLimits.get(request.name);
    if (changed) request.limitTime(changed);
    // Its failure is looked after at once: the task may run for long.
    const execution = new Execution(request, this.#executions);
    this.#running.set(request, execution);
    const ending = await execution.ending;
    this.#running.delete(request);
    this.#finishing.add(request);
    this.#window.ended();
    this.#fill();
    this.#grant();
    if (request.stateReported) await request.stateReported;
    await finish(request, ending, this.#host);
    this.#finishing.delete(request);
    this.#comebacks.ended(request);
  }

  /** Lets the broker hand out as many as could start at once. */
  #grant(): void {
    const { setCredit } = this.#host;
    if (!setCredit) return;
    setCredit(
      this.#received + Math.max(0, this.#concurrency - this.#running.size - this.#ready.size - this.#comebacks.size),
    );
  }

  #onAccepted(request: Request): void {
    const { results, events, logger } = this.#host;
    this.#accepted++;
    // An early acknowledgement is on its way before the first line of the task runs.
    if (!request.acksLate) void request.ack();
    events.task("task-started", request, {});
    if (!request.trackStarted) return;
    request.stateReported = results.started(request).catch((error: unknown) => {
      logger.error("STARTED could not be stored", { taskId: request.id, error });
    });
  }

  async #storeState(request: Request, state: string, meta: unknown): Promise<void> {
    const { results, logger } = this.#host;
    if (request.ended)
      return logger.warn("a state reported after the end of a task was dropped", { taskId: request.id, state });
    // One after the other, although the handler may wait for none of them.
    const stored = (request.stateReported ?? Promise.resolve()).then(() => results.state(request, state, meta));
    request.stateReported = stored.catch(() => undefined);
    return stored;
  }

  #checkIdle(): void {
    if (this.#settling > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

const received = ({ name, task }: Request): Omit<EventFields["task-received"], "uuid"> => ({
  name: task.shadow ?? name,
  args: task.argsrepr,
  kwargs: task.kwargsrepr,
  root_id: task.rootId,
  parent_id: task.parentId,
  retries: task.retries,
  eta: task.eta && pythonTime(task.eta),
  expires: task.expires && pythonTime(task.expires),
});
