import type { LamportClock } from "../../client/clock.js";
import type { TaskDefinition } from "../../client/task.js";
import type { ExchangeType } from "../../protocol/queue.js";
import type { Logger } from "../../util/logger.js";
import type { Request, RequestState, TimeLimits } from "../request.js";
import type { RevokedTasks } from "../revoked.js";

/** A queue as `add_consumer` describes it. */
export interface QueueWish {
  readonly name: string;
  readonly exchange: string;
  readonly exchangeType: ExchangeType;
  readonly routingKey: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What commands can see of the worker, and do to it. */
export interface ControlHost {
  readonly hostname: string;
  readonly clock: LamportClock;
  readonly logger: Logger;
  readonly revoked: RevokedTasks;
  /** The definition of a task of this worker; undefined for an unknown one. */
  task(name: string): TaskDefinition | undefined;
  taskNames(): readonly string[];
  /** The requests in the worker with their states. Those held back by a rate are in none, as in Celery. */
  requests(): Iterable<readonly [Request, RequestState]>;
  /** The tasks that run, or whose outcome is being recorded. */
  activeIds(): ReadonlySet<string>;
  /** Stops it when it runs, with what the event tells as its signal. */
  terminate(request: Request, signum: number): void;
  /** Stores REVOKED for a task that nothing is known of yet. Resolves when it is there, or could not be. */
  markRevoked(id: string): Promise<void>;
  /** The limit in force, as it was given; null for none. */
  rateLimit(task: string): string | number | null;
  /** `rate`: runs a second, null for no limit; `text`: as it was given. */
  setRateLimit(task: string, rate: number | null, text: string | number | null): void;
  setTimeLimits(task: string, limits: TimeLimits): void;
  /** Whether task events are sent. */
  events: boolean;
  heartbeat(): void;
  addQueue(wish: QueueWish): void;
  cancelQueue(name: string): void;
  shutdown(): void;
}

export type Arguments = Readonly<Record<string, unknown>>;

/** A remote control command (celery/worker/control.py). */
export interface Command {
  readonly name: string;
  /** Another name of it. */
  readonly alias?: string;
  readonly required?: readonly string[];
  readonly optional?: readonly string[];
  /** Arguments it does not know are an error, where they are one in Celery. Default false: they are ignored. */
  readonly strict?: boolean;
  /**
   * Answers with a value that the control serializer can write, or throws; `CommandError` with Python's exception. What
   * it does before its first `await` is done in the order of the requests.
   */
  readonly run: (host: ControlHost, args: Arguments) => unknown;
}

/** The answer of a command that has none: the worker stops before it could. */
export const NO_REPLY = Symbol("no reply");

/** A failure told as Python tells it: `{"error": "ValueError('...')"}`. */
export class CommandError extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export const ok = (value: string): { readonly ok: string } => ({ ok: value });
export const nok = (value: string): { readonly error: string } => ({ error: value });
