import { threadId } from "node:worker_threads";
import type { Celery } from "../client/app.js";
import { ConsoleLogger, type ConsoleLoggerOptions } from "./logger.js";

/** What the command line tells the threads of a pool, which load the application again. */
export interface ThreadPreparation {
  readonly broker?: string | undefined;
  readonly resultBackend?: string | undefined;
  readonly logger: ConsoleLoggerOptions;
}

/** Called in each thread, with its application (`WorkerOptions.prepareThreads`). */
export function prepare(app: Celery, { broker, resultBackend: backend, logger }: ThreadPreparation): void {
  app.override({
    ...(broker && { broker }),
    ...(backend && { backend }),
    logger: new ConsoleLogger({ ...logger, process: `ThreadPoolWorker-${threadId}` }),
  });
}
