import type { Consumer, Delivery } from "../brokers/broker.js";
import type { Celery } from "../client/app.js";
import { CeleryError } from "../errors.js";
import { acceptedTypes } from "../protocol/serializers/registry.js";
import { onAbort } from "../util/abort.js";
import { deferred } from "../util/deferred.js";
import { Forwarder } from "./forward.js";
import { type IntakeHost, takeIn } from "./intake.js";
import { type ResolvedOptions, type WorkerOptions, resolveOptions } from "./options.js";
import { Results } from "./results.js";
import { Scheduler } from "./scheduler.js";
import { trapSignals } from "./signals.js";

export type WorkerState = "created" | "starting" | "running" | "stopping" | "stopped";

/**
 * A Celery worker inside this process (userguide/workers): consumes the application's queues and runs its tasks,
 * `concurrency` at once, on the event loop.
 */
export class Worker implements AsyncDisposable {
  readonly hostname: string;
  readonly #app: Celery;
  readonly #options: ResolvedOptions;
  readonly #stopped = deferred();
  #state: WorkerState = "created";
  #consumer: Consumer | undefined;
  #scheduler: Scheduler | undefined;
  #shutdown: Promise<void> | undefined;

  /** Throws `ImproperlyConfigured` for options that cannot be meant. */
  constructor(app: Celery, options: WorkerOptions = {}) {
    this.#app = app;
    this.#options = resolveOptions(options, app.conf);
    this.hostname = this.#options.hostname;
    // Whoever only starts and shuts down never looks at the outcome of the run.
    this.#stopped.promise.catch(() => undefined);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Runs until shut down: resolves after a clean stop, rejects on a fatal error. Aborting the signal is a warm shutdown. */
  async run(options: { signal?: AbortSignal } = {}): Promise<void> {
    const off = onAbort(options.signal, () => this.#shutDown(false));
    const release = this.#options.handleSignals ? trapSignals((force) => this.#shutDown(force)) : undefined;
    try {
      if (this.#state === "created") await this.start();
      await this.#stopped.promise;
    } finally {
      off();
      release?.();
    }
  }

  /** Resolves once consuming. With the broker away it goes on trying, as `brokerConnectionRetry` says. */
  async start(): Promise<this> {
    if (this.#state !== "created")
      throw new CeleryError(`this worker is ${this.#state}; make a new one to start again`);
    this.#state = "starting";
    try {
      await this.#consume();
    } catch (error) {
      this.#end(error);
      throw error;
    }
    if (this.#state === "starting") {
      this.#state = "running";
      this.#app.logger.info("worker ready", { hostname: this.hostname });
    }
    return this;
  }

  /**
   * Warm by default: takes nothing more, lets running tasks end, gives back what was not started. With `force` running
   * tasks are told to stop through their signal and not waited for; those that acknowledge late go back to the queue.
   */
  shutdown(options: { force?: boolean } = {}): Promise<void> {
    if (options.force) this.#scheduler?.abandon();
    this.#shutdown ??= this.#stop();
    return this.#shutdown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #consume(): Promise<void> {
    const app = this.#app;
    const [broker, backend] = await Promise.all([app.broker(), app.backend()]);
    // Shut down meanwhile: nobody would stop a consumer made now.
    if (this.#state !== "starting") return;
    const queues = (this.#options.queues ?? []).map((name) => app.queues.get(name));
    const results = new Results(backend, app.conf, this.hostname);
    const accept = acceptedTypes(app.conf.acceptContent);
    const forwarder = new Forwarder(app.publisher, app.router, app.conf);
    const { logger } = app;
    const { concurrency, prefetch } = this.#options;
    const scheduler = new Scheduler({
      ...{ concurrency, prefetch, hostname: this.hostname },
      ...{ results, forwarder, accept, logger },
      setPrefetch: (count) => this.#consumer?.setPrefetch(count),
    });
    this.#scheduler = scheduler;
    const track = (work: Promise<void>): void => scheduler.track(work);
    const host: IntakeHost = { tasks: app.tasks, config: app.conf, accept, results, logger, track };
    const connected = deferred();
    const consumer = broker.consume(queues.length > 0 ? queues : app.queues.configured, {
      prefetch,
      delayedQueues: app.queues.all,
      onConnected: () => connected.resolve(),
      onConnectionLost: (error) => {
        logger.warn("connection to the broker lost, reconnecting", { error, broker: broker.displayUrl });
        scheduler.forgetReserved();
      },
    });
    this.#consumer = consumer;
    const consuming = this.#read(consumer, (delivery) => {
      const request = takeIn(delivery, host);
      if (request) scheduler.add(request);
    });
    await Promise.race([connected.promise, consuming]);
  }

  async #read(consumer: Consumer, take: (delivery: Delivery) => void): Promise<void> {
    try {
      for await (const delivery of consumer) take(delivery);
    } catch (error) {
      this.#app.logger.error("worker stops: the broker could not be reached", { error });
      await this.#scheduler?.idle();
      this.#end(error);
      throw error;
    }
  }

  /** For those who wait for `run`: it rejects with what went wrong. */
  #shutDown(force: boolean): void {
    this.shutdown({ force }).catch(() => undefined);
  }

  async #stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    this.#scheduler?.close();
    try {
      await this.#consumer?.stop();
      await this.#scheduler?.idle();
      await this.#consumer?.close();
    } catch (error) {
      this.#end(error);
      throw error;
    }
    this.#end();
    this.#app.logger.info("worker stopped", { hostname: this.hostname });
  }

  #end(error?: unknown): void {
    this.#state = "stopped";
    if (error === undefined) this.#stopped.resolve();
    else this.#stopped.reject(error);
  }
}
