import type { Delivery } from "../brokers/broker.js";
import type { RequestInfo } from "../client/task-context.js";
import type { CurrentTask } from "../client/current-task.js";
import type { TaskDefinition } from "../client/task.js";
import type { Config } from "../client/config.js";
import type { AnyTask } from "../client/types.js";
import type { ResultNode } from "../protocol/result.js";
import { type TaskRequest, decodeTask } from "../protocol/task-message.js";

/** A task message in this worker: what it asks for, where it came from, and the options that apply to it. */
export class Request implements CurrentTask {
  readonly task: TaskRequest;
  readonly delivery: Delivery;
  readonly definition: TaskDefinition;
  readonly name: AnyTask["name"];
  /** The tasks it has sent so far. */
  readonly children: ResultNode[] = [];
  /** Its run is over, whatever the handler still does: no state of it may follow the final one. */
  ended = false;
  readonly acksLate: boolean;
  readonly acksOnFailure: boolean;
  readonly trackStarted: boolean;
  /** Whether a success is stored, and whether a failure is. */
  readonly storesResult: boolean;
  readonly storesErrors: boolean;
  readonly hardLimit: number | null;
  readonly softLimit: number | null;

  constructor(task: TaskRequest, delivery: Delivery, definition: TaskDefinition, config: Readonly<Config>) {
    const { options } = definition;
    this.task = task;
    this.delivery = delivery;
    this.definition = definition;
    this.name = task.task;
    this.acksLate = options.acksLate ?? config.taskAcksLate;
    this.acksOnFailure = options.acksOnFailureOrTimeout ?? config.taskAcksOnFailureOrTimeout;
    const ignored = task.ignoreResult ?? options.ignoreResult ?? config.taskIgnoreResult;
    this.storesResult = !ignored;
    this.storesErrors = !ignored || (options.storeErrorsEvenIfIgnored ?? config.taskStoreErrorsEvenIfIgnored);
    this.trackStarted = !ignored && (options.trackStarted ?? config.taskTrackStarted);
    // The message's limits win over the task's, those over the configuration's.
    this.hardLimit = task.timeLimit[0] ?? options.timeLimit ?? config.taskTimeLimit;
    this.softLimit = task.timeLimit[1] ?? options.softTimeLimit ?? config.taskSoftTimeLimit;
  }

  get id(): string {
    return this.task.id;
  }
  get rootId(): string | null {
    return this.task.rootId;
  }
  get priority(): number | null {
    return this.delivery.info.priority;
  }

  addChild(child: ResultNode): void {
    this.children.push(child);
  }

  /** The request read again with Python's integral floats kept: what is sent on must not turn 1.0 into 1. */
  forForwarding(accept: ReadonlySet<string>): TaskRequest {
    return decodeTask(this.delivery.message, { accept, floats: "keep" });
  }

  info(hostname: string): RequestInfo {
    return { ...this.task, deliveryInfo: this.delivery.info, hostname };
  }
}
