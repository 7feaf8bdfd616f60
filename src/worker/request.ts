import type { Delivery, DeliveryInfo } from "../brokers/broker.js";
import type { Config } from "../client/config.js";
import type { CurrentTask } from "../client/current-task.js";
import type { TaskDefinition } from "../client/task.js";
import { parseIsoTime } from "../protocol/iso-time.js";
import type { ResultNode } from "../protocol/result.js";
import { type TaskRequest, decodeTask } from "../protocol/task-message.js";
import { now } from "../util/time.js";
import type { RunRequest } from "./run/run-request.js";

/** Time limits of a task in seconds; null for none. */
export interface TimeLimits {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** Where a request is on its way through the worker. */
export type RequestState = "active" | "reserved" | "scheduled";

/** A task message in this worker: what it asks for, where it came from, and the options that apply to it. */
export class Request implements RunRequest, CurrentTask {
  readonly id: string;
  readonly delivery: Delivery;
  readonly definition: TaskDefinition;
  readonly name: string;
  /** The tasks it has sent so far. */
  readonly children: ResultNode[] = [];
  /** Its run is over, whatever the handler still does: no state of it may follow the final one. */
  ended = false;
  /** Its place among those that were received. */
  arrival = 0;
  /** Its message has been acknowledged or rejected. */
  acknowledged = false;
  /** When it was started, in milliseconds since 1970; null before. */
  startedAt: number | null = null;
  /** Resolves when STARTED and the states of the task's own are stored so far: no later one may overtake them. */
  stateReported: Promise<void> | undefined;
  readonly acksLate: boolean;
  readonly acksOnFailure: boolean;
  readonly acksOnTimeout: boolean;
  readonly rejectOnWorkerLost: boolean;
  readonly retryOnWorkerLost: boolean;
  readonly trackStarted: boolean;
  readonly sendsEvents: boolean;
  /** Whether a success is stored, and whether a failure is. */
  readonly storesResult: boolean;
  readonly storesErrors: boolean;
  /** Seconds. */
  hardLimit: number | null;
  softLimit: number | null;
  #task: TaskRequest | null;
  #accept: ReadonlySet<string> = NOTHING;

  constructor(task: TaskRequest, delivery: Delivery, definition: TaskDefinition, config: Readonly<Config>) {
    const { options } = definition;
    this.#task = task;
    this.id = task.id;
    this.delivery = delivery;
    this.definition = definition;
    this.name = task.task;
    this.acksLate = options.acksLate ?? config.taskAcksLate;
    const acks = options.acksOnFailureOrTimeout ?? config.taskAcksOnFailureOrTimeout;
    this.acksOnFailure = options.acksOnFailure ?? config.taskAcksOnFailure ?? acks;
    this.acksOnTimeout = options.acksOnTimeout ?? config.taskAcksOnTimeout ?? acks;
    this.rejectOnWorkerLost = options.rejectOnWorkerLost ?? config.taskRejectOnWorkerLost;
    this.retryOnWorkerLost = options.retryOnWorkerLost ?? config.taskRetryOnWorkerLost;
    const ignored = task.ignoreResult ?? options.ignoreResult ?? config.taskIgnoreResult;
    this.storesResult = !ignored;
    this.storesErrors = !ignored || (options.storeErrorsEvenIfIgnored ?? config.taskStoreErrorsEvenIfIgnored);
    this.trackStarted = !ignored && (options.trackStarted ?? config.taskTrackStarted);
    this.sendsEvents = options.sendEvents ?? true;
    // The message's limits win over the task's, those over the configuration's.
    this.hardLimit = asked(task.timeLimit[0]) ?? options.timeLimit ?? config.taskTimeLimit;
    this.softLimit = asked(task.timeLimit[1]) ?? options.softTimeLimit ?? config.taskSoftTimeLimit;
  }

  get task(): TaskRequest {
    return this.#task ?? decodeTask(this.delivery.message, { accept: this.#accept });
  }
  get rootId(): string | null {
    return this.task.rootId;
  }
  get deliveryInfo(): DeliveryInfo {
    return this.delivery.info;
  }
  get priority(): number | null {
    return this.delivery.info.priority;
  }

  get expired(): boolean {
    return this.task.expires !== null && parseIsoTime(this.task.expires) <= now();
  }

  /** When it may start, in milliseconds since 1970; null for at once. */
  get dueAt(): number | null {
    return this.task.eta === null ? null : parseIsoTime(this.task.eta);
  }

  /** It will wait, maybe beside very many: what can be read again from the message is forgotten until `unpark`. */
  park(accept: ReadonlySet<string>): void {
    this.#accept = accept;
    this.#task = null;
    this.delivery.park?.();
  }

  unpark(): void {
    this.#task = this.task;
  }

  /** Other limits than those it came with, unless its message has its own. */
  limitTime({ soft, hard }: TimeLimits): void {
    const [ownHard, ownSoft] = this.task.timeLimit;
    this.hardLimit = asked(ownHard) ?? hard;
    this.softLimit = asked(ownSoft) ?? soft;
  }

  addChild(child: ResultNode): void {
    if (this.definition.options.trail ?? true) this.children.push(child);
  }

  ack(): Promise<void> {
    if (this.acknowledged) return DONE;
    this.acknowledged = true;
    return this.delivery.ack();
  }

  /** The request read again with Python's integral floats kept: what is sent on must not turn 1.0 into 1. */
  forForwarding(accept: ReadonlySet<string>): TaskRequest {
    return decodeTask(this.delivery.message, { accept, floats: "keep" });
  }
}

/** A limit that a message asks for; 0 leaves it to the task, as in Python. */
const asked = (seconds: number | null): number | null => (seconds === 0 ? null : seconds);

const NOTHING: ReadonlySet<string> = new Set();
const DONE = Promise.resolve();
