import type { Consumer } from "../brokers/broker.js";
import { deferred } from "../util/deferred.js";
import type { Logger } from "../util/logger.js";
import { after } from "../util/time.js";
import type { EventDispatcher } from "./events.js";
import type { Heart } from "./heart.js";
import type { Pool } from "./pool/pool.js";
import type { Scheduler } from "./scheduler.js";
import type { Ladder } from "./shutdown.js";

/**
 * Seconds for each thing that a stop asks of a broker, and for a cold one to record what it stopped: a server that does
 * not answer keeps no worker alive (Celery's SHUTDOWN_SOCKET_TIMEOUT).
 */
const PATIENCE = 5;
/** Messages that any broker takes back in a second: more of them get more time. */
const BACK_IN_A_SECOND = 2000;

export interface WindDownParts {
  readonly consumer: Consumer;
  readonly scheduler: Scheduler;
  readonly pool: Pool;
  readonly heart: Heart;
  readonly events: EventDispatcher;
  readonly control: { close(): Promise<void> } | undefined;
}

export interface WindDownOptions {
  readonly ladder: Ladder;
  /** Seconds that running tasks get before a cold shutdown stops them (`worker_soft_shutdown_timeout`); 0 for none. */
  readonly softTimeout: number;
  /** Wait them out even when nothing runs. */
  readonly softOnIdle: boolean;
  readonly hostname: string;
  readonly logger: Logger;
}

/** Stops a worker: warm, cold as soon as that is asked for, and at once when it is to be hard. */
export async function windDown(parts: WindDownParts, options: WindDownOptions): Promise<void> {
  await Promise.race([wind(parts, options), abandon(parts, options)]);
}

async function wind(parts: WindDownParts, options: WindDownOptions): Promise<void> {
  const { consumer, scheduler, pool, heart, events, control } = parts;
  scheduler.close();
  const cold = options.ladder.cold.then(() => stopTasks(scheduler, options));
  const recorded = cold.then(() => patiently(() => scheduler.idle(), "outcomes of tasks were not recorded", options));
  const giveBack = async (): Promise<void> => {
    // What goes back must not come again. It does not wait for what runs.
    await consumer.stop();
    await scheduler.giveBack();
  };
  const enough = PATIENCE + scheduler.waiting / BACK_IN_A_SECOND;
  await patiently(giveBack, "messages were not given back: the broker redelivers them", options, enough);
  // Where the broker did not answer, they are forgotten here.
  scheduler.giveBack().catch(() => undefined);
  await Promise.race([scheduler.idle(), recorded]);
  const farewell = async (): Promise<void> => {
    await control?.close();
    heart.stop();
    await events.flush();
  };
  // Side by side: a command that takes long must not keep messages from going back.
  await Promise.all([
    patiently(farewell, "the worker did not sign off in order", options),
    patiently(() => consumer.close(), "the connection did not close in order", options),
  ]);
  await patiently(() => pool.stop(), "the pool did not stop", options);
}

async function stopTasks(scheduler: Scheduler, options: WindDownOptions): Promise<void> {
  const { ladder, softTimeout: seconds, softOnIdle, hostname, logger } = options;
  if (seconds > 0 && (softOnIdle || scheduler.active.length > 0)) {
    logger.warn(`Soft shutdown: running tasks are stopped in ${seconds} seconds`, { hostname });
    const over = deferred();
    const timer = after(seconds * 1000, () => over.resolve());
    await Promise.race([softOnIdle ? over.promise : scheduler.idle(), over.promise, ladder.again]);
    timer.cancel();
  }
  scheduler.cancel(
    () => true,
    (request) => !request.acksLate,
    "the worker is shutting down",
  );
}

/** Hard: what is under way is left to itself. */
async function abandon({ consumer, pool, heart, control }: WindDownParts, options: WindDownOptions): Promise<void> {
  await options.ladder.hard;
  heart.stop();
  for (const end of [control?.close(), consumer.close(), pool.stop()])
    end?.catch((error: unknown) => options.logger.warn("a hard shutdown left something behind", { error }));
}

/** Does a step of the stop, but neither waits for it for ever nor ends with it when it fails. */
async function patiently(
  step: () => Promise<void>,
  what: string,
  { hostname, logger }: Pick<WindDownOptions, "hostname" | "logger">,
  seconds = PATIENCE,
): Promise<void> {
  const late = deferred();
  const timer = after(seconds * 1000, () => late.reject(new Error(`no answer within ${seconds} seconds`)));
  try {
    await Promise.race([step(), late.promise]);
  } catch (error) {
    logger.warn(what, { hostname, error });
  } finally {
    timer.cancel();
  }
}
