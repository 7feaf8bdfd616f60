import { isMainThread, workerData } from "node:worker_threads";
import { ImproperlyConfigured } from "../../errors.js";
import type { ThreadData } from "./thread-messages.js";

let refused: ImproperlyConfigured | undefined;

/** What this thread of a pool was started with; null elsewhere. */
export function threadData(): ThreadData | null {
  const data = workerData as Partial<ThreadData> | null | undefined;
  return !isMainThread && data?.kind === "celeriac-pool-thread" ? (data as ThreadData) : null;
}

/** Throws where the module of a threads pool starts a worker: each thread would start one more. */
export function assertNotInPool(): void {
  const data = threadData();
  if (!data) return;
  refused = new ImproperlyConfigured(
    `${data.module} starts a worker, and the threads of a worker load it: put the application into a module of its own ` +
      "and name that one as { module }",
  );
  throw refused;
}

/** What was refused here, whoever caught it. */
export const refusedWorker = (): ImproperlyConfigured | undefined => refused;
