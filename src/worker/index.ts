/** `celeriac/worker`: runs tasks. Programs that only send tasks do not load it. */
export { Worker, type WorkerState } from "./worker.js";
export type { WorkerOptions } from "./options.js";
export type { ShutdownHow, ShutdownOptions } from "./shutdown.js";
export type { RequestInfo, RetryOptions, TaskContext } from "../client/task-context.js";
