import type { DeliveryInfo } from "../../brokers/broker.js";
import type { RequestInfo } from "../../client/task-context.js";
import type { TaskRequest } from "../../protocol/task-message.js";

/** What a run knows of its message. */
export interface RunRequest {
  readonly task: TaskRequest;
  readonly deliveryInfo: DeliveryInfo;
}

/** Celery's `self.request`. */
export const requestInfo = ({ task, deliveryInfo }: RunRequest, hostname: string): RequestInfo => ({
  ...task,
  timeLimit: task.timeLimit[0],
  softTimeLimit: task.timeLimit[1],
  isEager: false,
  deliveryInfo,
  hostname,
});
