import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Backend, BackendOptions } from "../backends/backend.js";
import { assertBackend, openBackend } from "../backends/registry.js";
import type { Broker, BrokerOptions } from "../brokers/broker.js";
import { assertBroker, openBroker } from "../brokers/registry.js";
import { CeleryError, ImproperlyConfigured } from "../errors.js";
import { newId } from "../util/id.js";
import { type Logger, RelayLogger } from "../util/logger.js";
import { buildRequest } from "./call.js";
import { type Config, resolveConfig } from "./config.js";
import { LamportClock } from "./clock.js";
import { Control } from "./control.js";
import { currentTask } from "./current-task.js";
import { Publisher } from "./publisher.js";
import { Queues } from "./queues.js";
import { SentTask } from "./result-promise.js";
import { type ResultContext, TaskResult } from "./result.js";
import { Router } from "./router.js";
import { TaskSignature } from "./signature.js";
import { type Signals, makeSignals } from "./signals.js";
import { splitBroker } from "./split-broker.js";
import type { TaskContext } from "./task-context.js";
import { type DefinedOptions, annotated, sentDefaults } from "./task-options.js";
import { TaskPublisher } from "./task-publisher.js";
import { NamedTask, define } from "./task.js";
import type {
  AnyFunction,
  AnyTask,
  ArgsOf,
  AsyncResult,
  CallOptions,
  Callable,
  ResultOf,
  ResultPromise,
  SchemaInput,
  SchemaOutput,
  Signature,
  Task,
  TaskOptions,
} from "./types.js";

/** What an application is made of: where messages go, where results are kept, and Celery's settings in camelCase. */
export interface CeleryOptions extends Partial<Config> {
  /**
   * A broker URL (several for failover: a list, or separated by `;`), or a broker that is already made: it belongs to
   * the application from now on and is closed with it.
   */
  broker: string | URL | readonly string[] | Broker;
  /**
   * A result backend URL, or a backend that is already made: it belongs to the application from now on and is closed
   * with it. Without one, results cannot be read.
   */
  backend?: string | URL | Backend;
  /** Default: says nothing. */
  logger?: Logger;
}

/** What a command line may say in the place of an application. */
interface Overrides {
  broker?: string;
  backend?: string;
  logger?: Logger;
}

/**
 * A Celery application (celery/app/base.py): define tasks, send them, read their results. Nothing connects before it
 * is needed. `close()` (or `await using`) ends its connections.
 */
export class Celery implements AsyncDisposable {
  readonly conf: Readonly<Config>;
  readonly control: Control;
  readonly logger: Logger;
  /** The queues that tasks are routed to. */
  readonly queues: Queues;
  /** What happens in workers and to tasks, for those who want to know (userguide/signals). */
  readonly signals: Signals;
  #options: CeleryOptions;
  #overrides: Pick<Overrides, "broker" | "backend"> = {};
  readonly #tasks = new Map<string, AnyTask>();
  /** @internal */
  readonly router: Router;
  /** @internal */
  readonly publisher: Publisher;
  /** @internal */
  readonly taskPublisher: TaskPublisher;
  /** @internal */
  readonly clock = new LamportClock();
  readonly #results: ResultContext;
  #broker: Promise<Broker> | undefined;
  #backend: Promise<Backend> | undefined;
  #backendNow: Backend | undefined;
  #closing: Promise<void> | undefined;

  /** Throws `ImproperlyConfigured` for a setting that is unknown or cannot be meant, and for a driver that lacks something. */
  constructor(options: CeleryOptions) {
    const { broker, backend, logger, ...settings } = options;
    checkDrivers(broker, backend, settings);
    this.#options = options;
    this.logger = logger ?? new RelayLogger();
    this.conf = resolveConfig(settings);
    this.signals = makeSignals(this.logger);
    this.queues = new Queues(this.conf);
    this.router = new Router(this.queues, this.conf);
    this.publisher = new Publisher(() => this.broker(), this.conf, this.logger);
    this.taskPublisher = new TaskPublisher(this.publisher, this.router, this.conf, this.signals);
    this.control = new Control({ publisher: this.publisher, config: this.conf, clock: this.clock });
    this.#results = {
      backend: () => this.backend(),
      revoke: (id, revokeOptions) => this.control.revoke(id, revokeOptions),
    };
  }

  /** The tasks made so far, by name. */
  get tasks(): ReadonlyMap<string, AnyTask> {
    return this.#tasks;
  }

  /** A task this program runs, with a schema: callers give what it takes, the handler gets what it makes of that. */
  task<S extends StandardSchemaV1<unknown, unknown[]>, R>(
    name: string,
    options: Omit<TaskOptions<SchemaOutput<S>>, "schema"> & { schema: S; bind: true },
    handler: (self: TaskContext, ...args: SchemaOutput<S>) => R,
  ): Task<SchemaInput<S>, Awaited<R>>;
  task<S extends StandardSchemaV1<unknown, unknown[]>, R>(
    name: string,
    options: Omit<TaskOptions<SchemaOutput<S>>, "schema"> & { schema: S; bind?: false },
    handler: (...args: SchemaOutput<S>) => R,
  ): Task<SchemaInput<S>, Awaited<R>>;
  /** A task this program runs: types come from the handler. */
  task<A extends unknown[], R>(name: string, handler: (...args: A) => R): Task<A, Awaited<R>>;
  task<A extends unknown[], R>(
    name: string,
    options: TaskOptions<A> & { bind: true },
    handler: (self: TaskContext, ...args: A) => R,
  ): Task<A, Awaited<R>>;
  task<A extends unknown[], R>(
    name: string,
    options: TaskOptions<A> & { bind?: false },
    handler: (...args: A) => R,
  ): Task<A, Awaited<R>>;
  /** A task that runs elsewhere (Python, or another Node program): types come from F. */
  task<F extends AnyFunction | Callable = (...args: unknown[]) => unknown>(
    name: string,
    defaults?: CallOptions,
  ): Task<ArgsOf<F>, ResultOf<F>>;
  task(name: string, second?: AnyFunction | TaskOptions<never[]> | CallOptions, third?: AnyFunction): AnyTask {
    if (typeof name !== "string" || name === "")
      throw new ImproperlyConfigured(`a task's name is ${JSON.stringify(name)}; expected a text that is not empty`);
    const handler = typeof second === "function" ? second : third;
    const options = typeof second === "function" || second === undefined ? {} : second;
    if (!handler) return new NamedTask<never, unknown>(name, options, this.#send);
    const definition: DefinedOptions = annotated(name, options, this.conf.taskAnnotations);
    const task = new NamedTask<never, unknown>(name, sentDefaults(definition), this.#send);
    define(task, definition, handler);
    this.#tasks.set(name, task);
    return task;
  }

  /** Sends a task by name alone. */
  sendTask<R = unknown>(name: string, args: readonly unknown[] = [], options: CallOptions = {}): ResultPromise<R> {
    return this.#send<R>(name, args, options);
  }

  /** A signature by name alone. */
  signature<O = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): Signature<unknown[], O> {
    return new TaskSignature<unknown[], O>(name, args, options, false, this.#send);
  }

  /** The handle of a task that was sent before, here or anywhere. */
  asyncResult<R = unknown>(id: string): AsyncResult<R> {
    if (typeof id !== "string" || id === "")
      throw new ImproperlyConfigured(`a task id is ${JSON.stringify(id)}; expected a text that is not empty`);
    return new TaskResult<R>(id, this.#results);
  }

  /** The broker, opened now if it was not. */
  broker(): Promise<Broker> {
    this.#assertOpen();
    const { broker } = this.#options;
    return (this.#broker ??= isObject(broker) ? Promise.resolve(broker) : this.#openBroker(broker));
  }

  /** The result backend, opened now if it was not. */
  backend(): Promise<Backend> {
    this.#assertOpen();
    const { backend = "disabled" } = this.#options;
    return (this.#backend ??= (
      isObject(backend) ? Promise.resolve(backend) : openBackend(String(backend), this.#backendOptions())
    ).then((opened) => (this.#backendNow = opened)));
  }

  /**
   * For the command line: puts a broker or a result backend in the place of the application's own before they are used,
   * and gives a logger to an application that has none. Threads that load the application again do the same.
   * @internal
   */
  override(changes: Readonly<Overrides>): void {
    const { logger, ...urls } = changes;
    if (logger && this.logger instanceof RelayLogger) this.logger.target = logger;
    for (const [what, opened] of [
      ["broker", this.#broker],
      ["backend", this.#backend],
    ] as const)
      if (urls[what] !== undefined && opened)
        throw new CeleryError(`the ${what} cannot be replaced: the application has used it already`);
    this.#options = { ...this.#options, ...urls };
    this.#overrides = { ...this.#overrides, ...urls };
  }

  /** The URLs that were put in the place of its own. @internal */
  get overrides(): Readonly<Pick<Overrides, "broker" | "backend">> {
    return this.#overrides;
  }

  /** Ends all connections, and closes a broker and a backend that were handed in. Calls after it reject. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #send = <R>(name: string, args: readonly unknown[], options: CallOptions): ResultPromise<R> => {
    const id = options.taskId ?? newId();
    return new SentTask<R>(id, this.#publish<R>(name, args, options, id), this.logger);
  };

  async #publish<R>(name: string, args: readonly unknown[], given: CallOptions, id: string): Promise<AsyncResult<R>> {
    if (!Array.isArray(args))
      throw new ImproperlyConfigured(
        `the arguments of ${name} are ${typeof args}; expected a list (keywords go into { kwargs })`,
      );
    const options = this.router.expand(name, args, given.kwargs ?? {}, { ...given, taskId: id });
    const ignored = options.ignoreResult ?? this.conf.taskIgnoreResult;
    const backend = this.#backendNow ?? (await this.backend());
    const request = buildRequest(name, args, options, this.conf, backend.replyTo);
    // The reply queue lives at the broker like the message: making it is retried as the message is.
    const prepare = !ignored && backend.replyTo !== null ? (): Promise<void> => backend.expect(id) : undefined;
    const parent = currentTask();
    await this.taskPublisher.send(request, options, { parent: parent?.task, prepare });
    parent?.addChild({ id, parent: null, children: null });
    return new TaskResult<R>(id, this.#results, ignored);
  }

  async #close(): Promise<void> {
    const { broker, backend } = this.#options;
    // What was handed in is closed whether it was used or not: who gave it away cannot know.
    const opened = await Promise.allSettled([
      this.#backend ?? (isObject(backend) ? backend : undefined),
      this.#broker ?? (isObject(broker) ? broker : undefined),
    ]);
    // The backend first, since it may use the broker; whatever happens there, the broker is closed too.
    const closed: PromiseSettledResult<void>[] = [];
    for (const one of opened)
      if (one.status === "fulfilled") closed.push(...(await Promise.allSettled([(async () => one.value?.close())()])));
    for (const one of closed) if (one.status === "rejected") throw one.reason;
  }

  #assertOpen(): void {
    if (this.#closing) throw new CeleryError("this Celery application is closed; make a new one");
  }

  async #openBroker(broker: string | URL | readonly string[]): Promise<Broker> {
    const options = this.#brokerOptions();
    const { brokerReadUrl: read, brokerWriteUrl: write } = this.conf;
    if (read === null && write === null) return openBroker(joinUrls(broker), options);
    const open = (urls: string | URL | readonly string[]): Promise<Broker> => openBroker(joinUrls(urls), options);
    return splitBroker(...(await Promise.all([open(read ?? broker), open(write ?? broker)])));
  }

  #brokerOptions(): BrokerOptions {
    const { conf } = this;
    return {
      logger: this.logger,
      transportOptions: conf.brokerTransportOptions,
      connectionTimeout: conf.brokerConnectionTimeout,
      connectionRetry: conf.brokerConnectionRetry,
      connectionMaxRetries: conf.brokerConnectionMaxRetries,
      heartbeat: conf.brokerHeartbeat,
      useSsl: conf.brokerUseSsl,
      failoverStrategy: conf.brokerFailoverStrategy,
      loginMethod: conf.brokerLoginMethod ?? undefined,
      delayedQueueType: conf.brokerNativeDelayedDeliveryQueueType,
      detectQuorumQueues: conf.workerDetectQuorumQueues,
    };
  }

  #backendOptions(): BackendOptions {
    const { conf } = this;
    return {
      logger: this.logger,
      serializer: conf.resultSerializer,
      acceptContent: conf.resultAcceptContent ?? conf.acceptContent,
      compression: conf.resultCompression,
      resultExpires: conf.resultExpires,
      resultPersistent: conf.resultPersistent,
      transportOptions: conf.resultBackendTransportOptions,
      useSsl: conf.redisBackendUseSsl,
      settings: { ...conf },
      broker: () => this.broker(),
    };
  }
}

const isObject = <T extends object>(value: string | URL | readonly string[] | T | undefined): value is T =>
  typeof value === "object" && !(value instanceof URL) && !Array.isArray(value);

const joinUrls = (urls: string | URL | readonly string[]): string =>
  typeof urls === "string" || urls instanceof URL ? String(urls) : urls.join(";");

/** What can be told from the options alone; that a URL's scheme is known is seen when it is first used. */
function checkDrivers(broker: unknown, backend: unknown, settings: Partial<Config>): void {
  if (broker === undefined || broker === "" || (Array.isArray(broker) && broker.length === 0))
    throw new ImproperlyConfigured('a broker is needed, for example { broker: "amqp://localhost" }');
  if (Array.isArray(broker)) {
    if (!broker.every((one) => typeof one === "string" && one !== ""))
      throw new ImproperlyConfigured("a list of brokers is a list of URLs as texts");
  } else if (!isText(broker)) {
    assertBroker(broker, "the broker that was handed in");
    if (settings.brokerReadUrl || settings.brokerWriteUrl)
      throw new ImproperlyConfigured(
        "brokerReadUrl and brokerWriteUrl go with a broker URL, not with a broker that is made",
      );
  }
  if (backend !== undefined && !isText(backend)) assertBackend(backend, "the result backend that was handed in");
}

const isText = (value: unknown): boolean => typeof value === "string" || value instanceof URL;
