import type { Consumer } from "../../brokers/broker.js";
import type { Celery } from "../../client/app.js";
import type { QueueSettings } from "../../client/queue-settings.js";
import type { TaskDefinition } from "../../client/task.js";
import type { TaskTable } from "../builtins/table.js";
import type { EventDispatcher } from "../events.js";
import type { Heart } from "../heart.js";
import type { Request, RequestState, TimeLimits } from "../request.js";
import type { Results } from "../results.js";
import type { RevokedTasks } from "../revoked.js";
import type { Scheduler } from "../scheduler.js";
import type { ControlHost, QueueWish } from "./command.js";

/** The parts of a worker that commands reach. */
export interface WorkerParts {
  readonly app: Celery;
  readonly tasks: Pick<TaskTable, "find" | "names">;
  readonly hostname: string;
  readonly revoked: RevokedTasks;
  readonly scheduler: Scheduler;
  readonly results: Results;
  readonly events: EventDispatcher;
  readonly heart: Heart;
  readonly consumer: Consumer;
  readonly timeLimits: Map<string, TimeLimits>;
  readonly defaultRateLimit: string | number | null;
  shutdown(): void;
}

/** What the commands of remote control do to a worker. */
export class WorkerControlHost implements ControlHost {
  readonly hostname: string;
  readonly clock: ControlHost["clock"];
  readonly logger: ControlHost["logger"];
  readonly revoked: RevokedTasks;
  readonly #parts: WorkerParts;
  /** Limits as they were given. */
  readonly #rates = new Map<string, string | number | null>();

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.hostname = parts.hostname;
    this.clock = parts.app.clock;
    this.logger = parts.app.logger;
    this.revoked = parts.revoked;
  }

  task(name: string): TaskDefinition | undefined {
    return this.#parts.tasks.find(name);
  }

  taskNames(): readonly string[] {
    return this.#parts.tasks.names;
  }

  requests(): Iterable<readonly [Request, RequestState]> {
    return this.#parts.scheduler.requests();
  }

  activeIds(): ReadonlySet<string> {
    return this.#parts.scheduler.activeIds();
  }

  terminate(request: Request, signum: number): void {
    this.#parts.scheduler.terminate(request, signum);
  }

  async markRevoked(id: string): Promise<void> {
    try {
      await this.#parts.results.revokedElsewhere(id);
    } catch (error) {
      this.logger.warn(`Failed to mark task ${id} as revoked in backend`, { taskId: id, error });
    }
  }

  rateLimit(task: string): string | number | null {
    const changed = this.#rates.get(task);
    return changed === undefined ? (this.task(task)?.options.rateLimit ?? this.#parts.defaultRateLimit) : changed;
  }

  setRateLimit(task: string, rate: number | null, text: string | number | null): void {
    this.#rates.set(task, text);
    this.#parts.scheduler.setRateLimit(task, rate);
  }

  setTimeLimits(task: string, limits: TimeLimits): void {
    this.#parts.timeLimits.set(task, limits);
  }

  get events(): boolean {
    return this.#parts.events.enabled;
  }

  set events(enabled: boolean) {
    this.#parts.events.enabled = enabled;
  }

  heartbeat(): void {
    this.#parts.heart.beat();
  }

  addQueue({ name, exchange, exchangeType, routingKey, options }: QueueWish): void {
    const queue = this.#parts.app.queues.add(name, {
      ...queueSettings(options),
      exchange,
      exchangeType,
      routingKey,
    });
    this.logger.info(`Started consuming from ${name}`, { queue: name });
    this.#parts.consumer.add(queue).catch((error: unknown) => {
      this.logger.error("a queue could not be consumed", { queue: name, error });
    });
  }

  cancelQueue(name: string): void {
    this.logger.info(`Canceling queue ${name}`, { queue: name });
    this.#parts.consumer.cancel(name).catch((error: unknown) => {
      this.logger.error("a queue could not be cancelled", { queue: name, error });
    });
  }

  shutdown(): void {
    this.#parts.shutdown();
  }
}

/** Kombu's names of what a queue can have (kombu.Queue), and what they are. Anything else is left out. */
const QUEUE_OPTIONS = [
  ["durable", "durable", "boolean"],
  ["exclusive", "exclusive", "boolean"],
  ["auto_delete", "autoDelete", "boolean"],
  ["expires", "expires", "number"],
  ["message_ttl", "messageTtl", "number"],
  ["max_priority", "maxPriority", "number"],
  ["queue_arguments", "queueArguments", "object"],
  ["binding_arguments", "bindingArguments", "object"],
] as const;

function queueSettings(options: Readonly<Record<string, unknown>>): QueueSettings {
  return Object.fromEntries(
    QUEUE_OPTIONS.flatMap(([theirs, ours, type]) => {
      const value = options[theirs];
      return value !== null && typeof value === type ? [[ours, value]] : [];
    }),
  );
}
