import type { Backend } from "../backends/backend.js";
import type { Broker, Consumer, Delivery } from "../brokers/broker.js";
import type { Celery } from "../client/app.js";
import { eventExchange } from "../protocol/control.js";
import type { Message } from "../protocol/message.js";
import { acceptedTypes } from "../protocol/serializers/registry.js";
import { deferred } from "../util/deferred.js";
import { TaskTable } from "./builtins/table.js";
import { WorkerControlHost, type WorkerParts } from "./control/control-host.js";
import { RemoteControl } from "./control/remote-control.js";
import { EventDispatcher } from "./events.js";
import { Forwarder } from "./forward.js";
import { Heart } from "./heart.js";
import { type IntakeHost, takeIn } from "./intake.js";
import type { ResolvedOptions } from "./options.js";
import type { Pool } from "./pool/pool.js";
import type { ChangedRates } from "./rate-limits.js";
import { Redeliveries } from "./redeliveries.js";
import type { TimeLimits } from "./request.js";
import { Results } from "./results.js";
import type { RevokedTasks } from "./revoked.js";
import { Scheduler } from "./scheduler.js";
import { Successes } from "./successes.js";
import type { WindDownParts } from "./wind-down.js";

/** What the parts of a worker are made from. */
export interface AssemblyContext {
  readonly app: Celery;
  readonly options: ResolvedOptions;
  readonly broker: Broker;
  readonly backend: Backend;
  readonly pool: Pool;
  readonly revoked: RevokedTasks;
  /** Limits changed while the worker runs, or before. */
  readonly rates: ChangedRates;
  readonly timeLimits: Map<string, TimeLimits>;
  readonly shutdown: () => void;
}

/** The parts of a worker that is consuming. */
export interface Assembly extends WindDownParts {
  /** Resolves when it consumes, and hears remote control. */
  readonly ready: Promise<unknown>;
  /** Deals with a delivery; never throws. */
  readonly take: (delivery: Delivery) => void;
}

/** Puts a worker together. It consumes from here on; who reads its deliveries has `take` deal with them. */
export function assemble(context: AssemblyContext): Assembly {
  const { app, broker, backend, pool, revoked, options, rates, timeLimits } = context;
  const { logger, signals } = app;
  const { config, hostname } = options;
  const accept = acceptedTypes(config.acceptContent);
  const results = new Results(backend, config, hostname);
  const events = dispatcher(context);
  const forwarder = new Forwarder(app.taskPublisher, app.router, config);
  const tasks = new TaskTable(app.tasks, { config, backend, forwarder, results, accept, logger });
  const redeliveries = new Redeliveries({
    ...{ publisher: app.publisher, router: app.router },
    ...{ most: config.workerMaxRedeliveries, deadLetterQueue: config.workerDeadLetterQueue },
  });
  const deduplicates = config.workerDeduplicateSuccessfulTasks;
  const scheduler = new Scheduler({
    ...{ hostname, pool, revoked, timeLimits },
    ...{ results, forwarder, accept, events, signals, logger, redeliveries },
    window: {
      ...{ concurrency: options.concurrency, multiplier: options.prefetchMultiplier },
      ...{ etaLimit: config.workerEtaTaskLimit, reduces: config.workerEnablePrefetchCountReduction },
    },
    successes: new Successes(deduplicates, { backend, results, forwarder, accept, events, logger }),
    rateLimits: { byDefault: config.taskDefaultRateLimit, disabled: config.workerDisableRateLimits, changed: rates },
    setPrefetch: (count) => consumer.setPrefetch(count),
    setCredit: config.workerDisablePrefetch ? (total) => consumer.setCredit?.(total) : null,
  });
  const connected = deferred();
  const consumer = consume(context, scheduler, () => connected.resolve());
  const heart = new Heart(events, broker.capabilities.fanout ? options.heartbeatInterval : 0, () => ({
    active: scheduler.active.length,
    processed: scheduler.accepted,
  }));
  const control = remoteControl(context, { tasks, scheduler, results, events, heart, consumer });
  // What it may take is known before it takes anything.
  if (config.workerDisablePrefetch) disablePrefetch(context, consumer, scheduler);
  const host: IntakeHost = {
    ...{ tasks, config, accept, results, events, signals, logger },
    track: (work) => scheduler.track(work),
  };
  return {
    ...{ pool, scheduler, events, heart, consumer, control },
    ready: Promise.all([connected.promise, control?.ready]),
    take(delivery) {
      try {
        scheduler.add(takeIn(delivery, host));
      } catch (error) {
        // Nothing that a sender writes stops the worker, not even what nobody thought of.
        logger.error("a message was rejected: this worker cannot deal with it", { queue: delivery.queue, error });
        scheduler.track(delivery.reject({ requeue: false }));
      }
    },
  };
}

function consume({ app, options, broker }: AssemblyContext, scheduler: Scheduler, onConnected: () => void): Consumer {
  const { queues, logger } = app;
  const { hostname, config } = options;
  const named = options.queues.map((name) => queues.get(name));
  return broker.consume(named.length > 0 ? named : queues.configured, {
    prefetch: scheduler.prefetch,
    delayedQueues: queues.all,
    onConnected: () => {
      logger.info(`Connected to ${broker.displayUrl}`, { hostname });
      onConnected();
    },
    onConnectionLost: (error) => {
      logger.warn("connection to the broker lost, reconnecting", { error, broker: broker.displayUrl });
      scheduler.forgetReserved();
      if (config.workerCancelLongRunningTasksOnConnectionLoss)
        scheduler.cancel(
          (request) => request.acksLate && !request.acknowledged,
          () => true,
          "the connection to the broker was lost",
        );
    },
  });
}

function dispatcher({ app, options, broker }: AssemblyContext): EventDispatcher {
  const { clock, publisher, logger } = app;
  const { config, hostname } = options;
  const { fanout, eventExchange: type = "topic" } = broker.capabilities;
  const exchange = eventExchange(config.eventExchange, type);
  if (config.workerSendTaskEvents && !fanout)
    logger.warn(`task events are not sent: ${broker.displayUrl} has no fanout`, { hostname });
  const publish = async (message: Message, routingKey: string): Promise<void> => {
    // Nobody listening is no error.
    const to = { destination: { exchange, routingKey }, declare: [], mandatory: false };
    if (fanout) await publisher.send(message, to, { retry: false });
  };
  return new EventDispatcher(
    { hostname, clock, serializer: config.eventSerializer, logger, publish },
    fanout && config.workerSendTaskEvents,
  );
}

function remoteControl(
  { app, options, broker, revoked, timeLimits, shutdown }: AssemblyContext,
  parts: Pick<WorkerParts, "tasks" | "scheduler" | "results" | "events" | "heart" | "consumer">,
): RemoteControl | undefined {
  const { config, hostname } = options;
  if (!config.workerEnableRemoteControl || !broker.capabilities.fanout) return undefined;
  const host = new WorkerControlHost({
    ...parts,
    ...{ app, hostname, revoked, timeLimits, shutdown },
    defaultRateLimit: config.taskDefaultRateLimit,
  });
  return new RemoteControl(host, {
    ...{ broker, publisher: app.publisher, config },
    accept: acceptedTypes(config.acceptContent),
  });
}

function disablePrefetch({ app, options, broker }: AssemblyContext, consumer: Consumer, scheduler: Scheduler): void {
  if (consumer.setCredit) consumer.setCredit(scheduler.concurrency);
  else
    app.logger.warn(
      `workerDisablePrefetch is ignored: ${broker.displayUrl} sends messages by itself. With acksLate and ` +
        `workerPrefetchMultiplier 1 nothing is reserved there either`,
      { hostname: options.hostname },
    );
}
