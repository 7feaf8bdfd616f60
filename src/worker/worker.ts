import type { Backend } from "../backends/backend.js";
import type { Broker, Consumer, Delivery } from "../brokers/broker.js";
import type { Celery } from "../client/app.js";
import { parseRate } from "../client/rate.js";
import { checkTimeLimits } from "../client/time-limits.js";
import { CeleryError } from "../errors.js";
import { eventExchange } from "../protocol/control.js";
import { acceptedTypes } from "../protocol/serializers/registry.js";
import { onAbort } from "../util/abort.js";
import { deferred } from "../util/deferred.js";
import { TaskTable } from "./builtins/table.js";
import { WorkerControlHost, type WorkerParts } from "./control/control-host.js";
import { RemoteControl } from "./control/remote-control.js";
import { EventDispatcher } from "./events.js";
import { Forwarder } from "./forward.js";
import { Heart } from "./heart.js";
import { type IntakeHost, takeIn } from "./intake.js";
import { type ResolvedOptions, type WorkerOptions, resolveOptions } from "./options.js";
import { formatForNode } from "./node-name.js";
import { assertNotInPool } from "./pool/in-thread.js";
import { openPool } from "./pool/open.js";
import type { Pool } from "./pool/pool.js";
import type { WindowOptions } from "./prefetch-window.js";
import { Redeliveries } from "./redeliveries.js";
import { Results } from "./results.js";
import type { ChangedRates } from "./rate-limits.js";
import type { TimeLimits } from "./request.js";
import { RevokedTasks } from "./revoked.js";
import { Scheduler } from "./scheduler.js";
import { Ladder, type ShutdownOptions } from "./shutdown.js";
import { trapSignals } from "./signals.js";
import { type WindDownOptions, type WindDownParts, windDown } from "./wind-down.js";
import { Successes } from "./successes.js";
import { StateFile } from "./state-file.js";

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
  #parts: WindDownParts | undefined;
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
      if (this.#state === "starting") return await this.#assemble(broker, backend, pool);
      await this.#stateFile?.close();
    } catch (error) {
      await pool.stop();
      throw error;
    }
    await pool.stop();
  }

  async #assemble(broker: Broker, backend: Backend, pool: Pool): Promise<void> {
    const app = this.#app;
    const { logger, signals } = app;
    const { config } = this.#options;
    const accept = acceptedTypes(config.acceptContent);
    const results = new Results(backend, config, this.hostname);
    const events = this.#dispatcher(broker);
    const forwarder = new Forwarder(app.taskPublisher, app.router, config);
    const tasks = new TaskTable(app.tasks, { config, backend, forwarder, results, accept, logger });
    const redeliveries = new Redeliveries({
      ...{ publisher: app.publisher, router: app.router },
      ...{ most: config.workerMaxRedeliveries, deadLetterQueue: config.workerDeadLetterQueue },
    });
    const deduplicates = config.workerDeduplicateSuccessfulTasks;
    const scheduler = new Scheduler({
      ...{ window: this.#window(), hostname: this.hostname, pool, revoked: this.#revoked },
      ...{ results, forwarder, accept, events, signals, logger, redeliveries },
      successes: new Successes(deduplicates, { backend, results, forwarder, accept, events, logger }),
      rateLimits: {
        byDefault: config.taskDefaultRateLimit,
        disabled: config.workerDisableRateLimits,
        changed: this.#rates,
      },
      timeLimits: this.#timeLimits,
      setPrefetch: (count) => this.#parts?.consumer.setPrefetch(count),
      setCredit: config.workerDisablePrefetch ? (total) => this.#parts?.consumer.setCredit?.(total) : null,
    });
    const host: IntakeHost = {
      ...{ tasks, config, accept, results, events, signals, logger },
      track: (work) => scheduler.track(work),
    };
    const connected = deferred();
    const consumer = this.#open(broker, scheduler, () => connected.resolve());
    const heart = new Heart(events, broker.capabilities.fanout ? this.#options.heartbeatInterval : 0, () => ({
      active: scheduler.active.length,
      processed: scheduler.accepted,
    }));
    const control = this.#remoteControl(broker, { tasks, scheduler, results, events, heart, consumer });
    this.#parts = { pool, scheduler, events, heart, consumer, control };
    // What it may take is known before it takes anything.
    if (config.workerDisablePrefetch) this.#disablePrefetch(broker, consumer, scheduler);
    const consuming = this.#read(consumer, (delivery) => scheduler.add(takeIn(delivery, host)));
    await Promise.race([Promise.all([connected.promise, control?.ready]), consuming]);
  }

  #remoteControl(
    broker: Broker,
    parts: Pick<WorkerParts, "tasks" | "scheduler" | "results" | "events" | "heart" | "consumer">,
  ): RemoteControl | undefined {
    const app = this.#app;
    const { config } = this.#options;
    if (!config.workerEnableRemoteControl || !broker.capabilities.fanout) return undefined;
    const host = new WorkerControlHost({
      ...parts,
      ...{ app, hostname: this.hostname, revoked: this.#revoked, timeLimits: this.#timeLimits },
      defaultRateLimit: config.taskDefaultRateLimit,
      shutdown: () => void this.shutdown().catch(() => undefined),
    });
    return new RemoteControl(host, {
      ...{ broker, publisher: app.publisher, config },
      accept: acceptedTypes(config.acceptContent),
    });
  }

  #window(): WindowOptions {
    const { concurrency, prefetchMultiplier: multiplier, config } = this.#options;
    return {
      ...{ concurrency, multiplier, etaLimit: config.workerEtaTaskLimit },
      reduces: config.workerEnablePrefetchCountReduction,
    };
  }

  #disablePrefetch(broker: Broker, consumer: Consumer, scheduler: Scheduler): void {
    if (consumer.setCredit) consumer.setCredit(scheduler.concurrency);
    else
      this.#app.logger.warn(
        `workerDisablePrefetch is ignored: ${broker.displayUrl} sends messages by itself. With acksLate and ` +
          `workerPrefetchMultiplier 1 nothing is reserved there either`,
        { hostname: this.hostname },
      );
  }

  #open(broker: Broker, scheduler: Scheduler, onConnected: () => void): Consumer {
    const { queues, logger } = this.#app;
    const named = this.#options.queues.map((name) => queues.get(name));
    return broker.consume(named.length > 0 ? named : queues.configured, {
      prefetch: scheduler.prefetch,
      delayedQueues: queues.all,
      onConnected: () => {
        logger.info(`Connected to ${broker.displayUrl}`, { hostname: this.hostname });
        onConnected();
      },
      onConnectionLost: (error) => {
        logger.warn("connection to the broker lost, reconnecting", { error, broker: broker.displayUrl });
        scheduler.forgetReserved();
        if (this.#options.config.workerCancelLongRunningTasksOnConnectionLoss)
          scheduler.cancel(
            (request) => request.acksLate && !request.acknowledged,
            () => true,
            "the connection to the broker was lost",
          );
      },
    });
  }

  #dispatcher(broker: Broker): EventDispatcher {
    const { clock, publisher, logger } = this.#app;
    const { config } = this.#options;
    const { fanout, eventExchange: type = "topic" } = broker.capabilities;
    const exchange = eventExchange(config.eventExchange, type);
    if (config.workerSendTaskEvents && !fanout)
      logger.warn(`task events are not sent: ${broker.displayUrl} has no fanout`, { hostname: this.hostname });
    const publish = fanout
      ? (message: Parameters<typeof publisher.send>[0], routingKey: string) =>
          publisher.send(
            message,
            { destination: { exchange, routingKey }, declare: [], mandatory: false },
            { retry: false },
          )
      : () => Promise.resolve();
    const serializer = config.eventSerializer;
    return new EventDispatcher(
      { hostname: this.hostname, clock, serializer, logger, publish },
      fanout && config.workerSendTaskEvents,
    );
  }

  async #read(consumer: Consumer, take: (delivery: Delivery) => void): Promise<void> {
    try {
      for await (const delivery of consumer) take(delivery);
    } catch (error) {
      this.#app.logger.error("worker stops: the broker could not be reached", { error });
      this.#parts?.heart.stop();
      await this.#parts?.control?.close();
      await this.#parts?.scheduler.idle();
      await this.#parts?.pool.stop();
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
