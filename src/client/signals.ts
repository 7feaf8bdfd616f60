import { ImproperlyConfigured } from "../errors.js";
import type { Message, MessageProperties } from "../protocol/message.js";
import type { State } from "../protocol/result.js";
import type { TaskRequest } from "../protocol/task-message.js";
import type { Logger } from "../util/logger.js";
import type { RequestInfo } from "./task-context.js";

/** What is common to signals about one task in a worker. */
export interface TaskSignal {
  readonly taskId: string;
  /** Name of the task. */
  readonly task: string;
  readonly request: RequestInfo;
}

/** Signals about a node. */
export interface WorkerSignal {
  /** Node name. */
  readonly hostname: string;
}

/** What is common to the signals about a task message that is sent, by a client or by a worker. */
export interface PublishSignal {
  readonly taskId: string;
  /** Name of the task. */
  readonly task: string;
  /** The call. Its arguments are written already: changing them changes nothing. */
  readonly request: TaskRequest;
  /** The task that sends it: from its handler, as its next step or as another attempt. Null outside of tasks. */
  readonly parent: TaskRequest | null;
  /** Name of the exchange; "" for the default one. */
  readonly exchange: string;
  readonly routingKey: string;
  /** The message's headers under their wire names, to be changed: here tracing puts its own. */
  readonly headers: Record<string, unknown>;
  /** The message's properties, to be changed. */
  readonly properties: { -readonly [P in keyof MessageProperties]: MessageProperties[P] };
}

/** What handlers are called with, by signal (userguide/signals). */
export interface SignalPayloads {
  /** In the process that sends a task, and waited for. A retry and every next step are sent, too. */
  readonly beforeTaskPublish: PublishSignal;
  /** The broker has the message. */
  readonly afterTaskPublish: PublishSignal;
  /** Beside the handler (in its thread), before it is called, with its arguments. */
  readonly taskPrerun: TaskSignal;
  /** Beside the handler, after it, whatever its outcome; the result is not stored yet. */
  readonly taskPostrun: TaskSignal & { readonly state: State; readonly retval: unknown };
  /** `runtime`: seconds. */
  readonly taskSuccess: TaskSignal & { readonly result: unknown; readonly runtime: number };
  readonly taskFailure: TaskSignal & { readonly exception: unknown; readonly traceback: string };
  readonly taskRetry: TaskSignal & { /** Why; undefined without a cause. */ readonly reason: unknown };
  /** `terminated`: it was running. `signum`: the signal that was asked for. */
  readonly taskRevoked: TaskSignal & {
    readonly terminated: boolean;
    readonly signum: string | number | null;
    readonly expired: boolean;
  };
  /** A message was read as a task; it has not been queued yet. */
  readonly taskReceived: TaskSignal;
  /** No task has the name of a message. */
  readonly taskUnknown: {
    readonly task: string;
    readonly taskId: string;
    readonly message: Message;
    readonly exception: unknown;
  };
  /** A message is no task that can be read. */
  readonly taskRejected: { readonly message: Message; readonly exception: unknown };
  /** The worker itself failed with a task: its outcome could not be recorded. */
  readonly taskInternalError: TaskSignal & { readonly exception: unknown };
  readonly workerInit: WorkerSignal;
  readonly workerReady: WorkerSignal;
  readonly workerShuttingDown: WorkerSignal & { readonly how: string };
  readonly workerShutdown: WorkerSignal;
}

export type SignalName = keyof SignalPayloads;
export type SignalHandler<P> = (payload: P) => void | Promise<void>;

interface Receiver<P> {
  readonly handler: SignalHandler<P>;
  readonly sender: string | undefined;
}

/** One of Celery's signals: handlers that are called when something happens. */
export class Signal<P> {
  readonly #name: string;
  readonly #logger: Logger;
  #receivers: readonly Receiver<P>[] = [];

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  /**
   * Has the handler called from now on; `sender` limits it to one task's or node's name. What it throws or rejects with is
   * logged and changes nothing else. Returns what disconnects it. Throws `ImproperlyConfigured` for what is no function.
   */
  connect(handler: SignalHandler<P>, options: { readonly sender?: string } = {}): () => void {
    if (typeof handler !== "function")
      throw new ImproperlyConfigured(`a handler of the signal ${this.#name} is ${typeof handler}; expected a function`);
    const receiver = { handler, sender: options.sender };
    this.#receivers = [...this.#receivers, receiver];
    return () => {
      this.#receivers = this.#receivers.filter((one) => one !== receiver);
    };
  }

  /** @internal Whether anybody listens: what is not heard need not be made. */
  get connected(): boolean {
    return this.#receivers.length > 0;
  }

  /** @internal Resolves when all handlers have ended; never rejects. */
  async send(sender: string, payload: P): Promise<void> {
    for (const { handler, sender: wanted } of this.#receivers) {
      if (wanted !== undefined && wanted !== sender) continue;
      try {
        await handler(payload);
      } catch (error) {
        this.#logger.error(`a handler of the signal ${this.#name} failed`, { sender, error });
      }
    }
  }
}

/** All signals of an application, under Celery's names in camelCase (userguide/signals): `app.signals.taskPrerun.connect(...)`. */
export type Signals = { readonly [N in SignalName]: Signal<SignalPayloads[N]> };

const NAMES: Readonly<Record<SignalName, true>> = {
  beforeTaskPublish: true,
  afterTaskPublish: true,
  taskPrerun: true,
  taskPostrun: true,
  taskSuccess: true,
  taskFailure: true,
  taskRetry: true,
  taskRevoked: true,
  taskReceived: true,
  taskUnknown: true,
  taskRejected: true,
  taskInternalError: true,
  workerInit: true,
  workerReady: true,
  workerShuttingDown: true,
  workerShutdown: true,
};

export function makeSignals(logger: Logger): Signals {
  const signals = Object.keys(NAMES).map((name) => [name, new Signal<unknown>(name, logger)]);
  return Object.fromEntries(signals) as Signals;
}
