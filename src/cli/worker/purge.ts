import type { Celery } from "../../client/app.js";
import { OperationalError } from "../../errors.js";
import type { Queue } from "../../protocol/queue.js";
import type { Logger } from "../../util/logger.js";
import { sleep } from "../../util/time.js";

/** Longest wait between attempts, in seconds. */
const MOST = 30;

/**
 * `--purge`: removes what waits in the queues (celery/apps/worker.py `purge_messages`). While the broker is away it tries
 * again, as `brokerConnectionRetry` says.
 */
export async function purge(
  app: Celery,
  queues: readonly Queue[],
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { brokerConnectionRetry: retries, brokerConnectionMaxRetries: most } = app.conf;
  const broker = await app.broker();
  for (let attempt = 1; ; attempt++) {
    try {
      let count = 0;
      for (const { name } of queues) count += await broker.purge(name);
      if (count > 0)
        process.stdout.write(`purge: Erased ${count} message${count === 1 ? "" : "s"} from the queue.\n\n`);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof OperationalError && error.retriable) || !retries || (most !== null && attempt > most))
        throw error;
      const wait = Math.min(2 * attempt, MOST);
      logger.error(`purge: ${error.message}. Trying again in ${wait} seconds`);
      await sleep(wait * 1000, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
  }
}
