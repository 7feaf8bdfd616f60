import type { Celery } from "../client/app.js";
import { parseRate } from "../client/rate.js";
import { checkTimeLimits } from "../client/time-limits.js";
import { CeleryError } from "../errors.js";
import { onAbort } from "../util/abort.js";
import { deferred } from "../util/deferred.js";
import { type Assembly, assemble } from "./assembly.js";
import { formatForNode } from "./node-name.js";
import { type ResolvedOptions, type WorkerOptions, resolveOptions } from "./options.js";
import { assertNotInPool } from "./pool/in-thread.js";
import { openPool } from "./pool/open.js";
import type { ChangedRates } from "./rate-limits.js";
import type { TimeLimits } from "./request.js";
import { RevokedTasks } from "./revoked.js";
import { Ladder, type ShutdownOptions } from "./shutdown.js";
import { trapSignals } from "./signals.js";
import { StateFile } from "./state-file.js";
import { type WindDownOptions, windDown } from "./wind-down.js";

export type WorkerState = "created" | "starting" | "running" | "stopping" | "stopped";

/** A Celery worker inside this process (userguide/workers): consumes the application's queues and runs its tasks, `concurrency` at once. */
export class Worker implements AsyncDisposable {
  readonly hostname: string;
  readonly #app: Celery;
  readonly #options: ResolvedOptions;
  readonly #stopped = deferred();
  readonly #ladder = new Ladder();
  readonly #revoked: RevokedTasks;
  /** Limits changed while it runs, or before. */
  readonly #rates: ChangedRates = new Map();
  readonly #timeLimits = new Map<string, TimeLimits>();
  #stateFile: StateFile | undefined;
  #state: WorkerState = "created";
  /** What it is made of while it runs. */
  #parts: Assembly | undefined;
  #shutdown: Promise<void> | undefined;

  /** Throws `ImproperlyConfigured` for options that cannot be meant. */
  constructor(app: Celery, options: WorkerOptions = {}) {
    this.#app = app;
    this.#options = resolveOptions(options, app.conf);
    this.hostname = this.#options.hostname;
    const { workerRevokesMax: max, workerRevokeExpires: expires } = this.#options.config;
    this.#revoked = new RevokedTasks({ max, expires });
    // Whoever only starts and shuts down never looks at the outcome of the run.
    this.#stopped.promise.catch(() => undefined);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Runs until shut down: resolves after a clean stop, rejects on a fatal error. Aborting the signal is a warm shutdown. */
  async run(options: { signal?: AbortSignal } = {}): Promise<void> {
    const ask = (how: ShutdownOptions): void => void this.shutdown(how).catch(() => undefined);
    const off = onAbort(options.signal, () => ask({}));
    const { handleSignals } = this.#options;
    const target = { warm: () => ask({ how: "warm" }), cold: () => ask({ how: "cold" }) };
    const release = handleSignals ? trapSignals(target, handleSignals) : undefined;
    try {
      if (this.#state === "created") await this.start();
      // It rejects with what went wrong.
      await this.#stopped.promise;
    } finally {
      off();
      release?.();
    }
  }

  /** Resolves once consuming. With the broker away it goes on trying, as `brokerConnectionRetry` says. */
  async start(): Promise<this> {
    assertNotInPool();
    if (this.#state !== "created")
      throw new CeleryError(`this worker is ${this.#state}; make a new one to start again`);
    this.#state = "starting";
    const { signals, logger } = this.#app;
    try {
      await signals.workerInit.send(this.hostname, { hostname: this.hostname });
      await this.#consume();
    } catch (error) {
      await this.#stateFile?.close();
      this.#end(error);
      throw error;
    }
    if (this.#state === "starting") {
      this.#state = "running";
      this.#parts?.heart.start();
      logger.info(`${this.hostname} ready.`, { hostname: this.hostname });
      void signals.workerReady.send(this.hostname, { hostname: this.hostname });
    }
    return this;
  }

  /**
   * Takes nothing more, gives back at once what was not started, and stops as `how` says. Asking again can only make it
   * faster. Resolves when it is over.
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    this.#ladder.ask(options);
    this.#shutdown ??= this.#stop(options);
    return this.#shutdown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /**
   * Changes how often a task may run here: `"10/s"`, `"100/m"`, `"5/h"`, a number of runs a second, or null (or 0) for no
   * limit. Throws `ImproperlyConfigured`.
   */
  rateLimit(task: string, limit: string | number | null): void {
    const rate = parseRate(limit);
    this.#rates.set(task, rate);
    this.#parts?.scheduler.setRateLimit(task, rate);
  }

  /** Changes the time limits of a task in seconds, for those that start from now on; what is left out is no limit. */
  timeLimit(task: string, limits: { readonly soft?: number | null; readonly hard?: number | null }): void {
    checkTimeLimits(limits.soft, limits.hard);
    this.#timeLimits.set(task, { soft: limits.soft || null, hard: limits.hard || null });
  }

  async #consume(): Promise<void> {
    const app = this.#app;
    const { logger, signals } = app;
    const { config } = this.#options;
    if (config.workerStateDb !== null) {
      const state = { revoked: this.#revoked, clock: app.clock };
      this.#stateFile = await StateFile.open(formatForNode(config.workerStateDb, this.hostname), state, logger);
    }
    const [broker, backend] = await Promise.all([app.broker(), app.backend()]);
    const pool = await openPool(this.#options, { hostname: this.hostname, logger, signals, tasks: app.tasks });
    await pool.start();
    try {
      // Shut down meanwhile: nobody would stop a consumer made now.
      if (this.#state === "starting") {
        const parts = assemble({
          ...{ app, options: this.#options, broker, backend, pool, revoked: this.#revoked },
          ...{ rates: this.#rates, timeLimits: this.#timeLimits },
          shutdown: () => void this.shutdown().catch(() => undefined),
        });
        this.#parts = parts;
        await Promise.race([parts.ready, this.#read(parts)]);
        return;
      }
      await this.#stateFile?.close();
    } catch (error) {
      await pool.stop();
      throw error;
    }
    await pool.stop();
  }

  async #read({ consumer, take, heart, control, scheduler, pool }: Assembly): Promise<void> {
    try {
      for await (const delivery of consumer) take(delivery);
    } catch (error) {
      this.#app.logger.error("worker stops: the broker could not be reached", { error });
      heart.stop();
      // Its mailbox is at the same broker.
      void control?.close().catch(() => undefined);
      await scheduler.idle();
      await pool.stop();
      await this.#stateFile?.close();
      this.#end(error);
      throw error;
    }
  }

  async #stop({ how = "warm" }: ShutdownOptions): Promise<void> {
    if (this.#state === "stopped") return this.#ladder.end();
    this.#state = "stopping";
    const { signals, logger } = this.#app;
    void signals.workerShuttingDown.send(this.hostname, { hostname: this.hostname, how });
    try {
      if (this.#parts) await windDown(this.#parts, this.#windDownOptions());
    } catch (error) {
      this.#end(error);
      throw error;
    } finally {
      this.#ladder.end();
      await this.#stateFile?.close();
    }
    this.#end();
    logger.info("worker stopped", { hostname: this.hostname });
    await signals.workerShutdown.send(this.hostname, { hostname: this.hostname });
  }

  #windDownOptions(): WindDownOptions {
    const { workerSoftShutdownTimeout: softTimeout, workerEnableSoftShutdownOnIdle: softOnIdle } = this.#options.config;
    return { ladder: this.#ladder, softTimeout, softOnIdle, hostname: this.hostname, logger: this.#app.logger };
  }

  #end(error?: unknown): void {
    this.#state = "stopped";
    if (error === undefined) this.#stopped.resolve();
    else this.#stopped.reject(error);
  }
}
