import type { Delivery } from "../brokers/broker.js";
import type { Config } from "../client/config.js";
import type { Signals } from "../client/signals.js";
import { ContentDisallowed, DecodeError, InvalidTaskError, NotRegistered } from "../errors.js";
import { exactRepr } from "../protocol/python-text.js";
import { type TaskRequest, decodeTask } from "../protocol/task-message.js";
import type { Logger } from "../util/logger.js";
import type { TaskTable } from "./builtins/table.js";
import type { EventDispatcher } from "./events.js";
import { Forwarder } from "./forward.js";
import { Request } from "./request.js";
import type { Results } from "./results.js";

/** What the intake needs of the worker. */
export interface IntakeHost {
  readonly tasks: Pick<TaskTable, "find">;
  readonly config: Readonly<Config>;
  readonly accept: ReadonlySet<string>;
  readonly results: Results;
  readonly events: EventDispatcher;
  readonly signals: Signals;
  readonly logger: Logger;
  /** Has a shutdown wait for it. */
  track(work: Promise<void>): void;
}

/**
 * Reads a delivery as a task request, or settles it: nothing that a sender writes stops the worker. What Python
 * acknowledges away (unreadable bodies) is acknowledged, what it rejects is rejected, and what would end a Python
 * worker is rejected and logged.
 */
export function takeIn(delivery: Delivery, host: IntakeHost): Request | null {
  let task: TaskRequest;
  try {
    task = decodeTask(delivery.message, { accept: host.accept });
  } catch (error) {
    refuse(delivery, error, host);
    return null;
  }
  const definition = host.tasks.find(task.task);
  if (!definition) {
    const error = notRegistered(task);
    host.track(refuseTask(delivery, task, error, host));
    host.events.task(
      "task-failed",
      { id: task.id, sendsEvents: true },
      { exception: `NotRegistered(${exactRepr(task.task)})` },
    );
    const { message } = delivery;
    void host.signals.taskUnknown.send(task.task, { task: task.task, taskId: task.id, message, exception: error });
    return null;
  }
  try {
    Forwarder.assertSupported(task);
  } catch (error) {
    host.track(refuseTask(delivery, task, error, host));
    return null;
  }
  return new Request(task, delivery, definition, host.config);
}

function refuse(delivery: Delivery, error: unknown, { logger, signals }: IntakeHost): void {
  const fields = { queue: delivery.queue, tag: delivery.tag, error };
  if (error instanceof DecodeError && !(error instanceof ContentDisallowed || error instanceof InvalidTaskError)) {
    logger.error("a message could not be read and was dropped", fields);
    void delivery.ack();
  } else {
    logger.error("a message was rejected", fields);
    void delivery.reject({ requeue: false });
    void signals.taskRejected.send("", { message: delivery.message, exception: error });
  }
}

async function refuseTask(delivery: Delivery, task: TaskRequest, error: unknown, host: IntakeHost): Promise<void> {
  host.logger.error("a task was refused", { taskId: task.id, task: task.task, error });
  await delivery.reject({ requeue: false });
  try {
    await host.results.failed(task, error, null);
  } catch (failure) {
    host.logger.error("the refusal of a task could not be stored", { taskId: task.id, error: failure });
  }
}

function notRegistered(task: TaskRequest): NotRegistered {
  const info = { type: "NotRegistered", module: "celery.exceptions", args: [task.task], taskId: task.id };
  return new NotRegistered(`no task is registered under the name '${task.task}'`, info);
}
