import { encodeContent } from "../protocol/serializers/registry.js";
import { controlExchange, controlRequest } from "../protocol/control.js";
import type { LamportClock } from "./clock.js";
import type { Config } from "./config.js";
import type { ExchangeType } from "../protocol/queue.js";
import type { Publisher } from "./publisher.js";
import { parseRate } from "./rate.js";
import { checkTimeLimits } from "./time-limits.js";

/** What remote control needs of its application. */
export interface ControlContext {
  readonly publisher: Publisher;
  readonly config: Readonly<Config>;
  readonly clock: LamportClock;
}

export interface BroadcastOptions {
  /** Node names; default: every worker. */
  readonly destination?: readonly string[];
}

/** Messages to all workers (celery/app/control.py). Needs a broker with fanout. */
export class Control {
  readonly #context: ControlContext;

  constructor(context: ControlContext) {
    this.#context = context;
  }

  /** Tells all workers not to run these tasks; with `terminate` also to stop those that run. */
  revoke(
    id: string | readonly string[],
    options: BroadcastOptions & { readonly terminate?: boolean; readonly signal?: string } = {},
  ): Promise<void> {
    const { terminate = false, signal = "SIGTERM", ...rest } = options;
    return this.broadcast("revoke", { task_id: id, terminate, signal }, rest);
  }

  /** Tells all workers not to run the tasks that have one of these values under these stamps. */
  revokeByStampedHeaders(
    headers: Readonly<Record<string, unknown>>,
    options: BroadcastOptions & { readonly terminate?: boolean; readonly signal?: string } = {},
  ): Promise<void> {
    const { terminate = false, signal = "SIGTERM", ...rest } = options;
    return this.broadcast("revoke_by_stamped_headers", { headers, terminate, signal }, rest);
  }

  /** `revoke` with `terminate`. */
  terminate(
    id: string | readonly string[],
    options: BroadcastOptions & { readonly signal?: string } = {},
  ): Promise<void> {
    return this.revoke(id, { ...options, terminate: true });
  }

  /** Changes how often each worker may run a task: `"10/s"`, `"100/m"`, `"5/h"`, runs a second, or 0 for no limit. */
  rateLimit(task: string, limit: string | number, options: BroadcastOptions = {}): Promise<void> {
    parseRate(limit);
    return this.broadcast("rate_limit", { task_name: task, rate_limit: limit }, options);
  }

  /** Changes the time limits of a task in seconds, for runs that start from now on; null, or left out, for none. */
  timeLimit(
    task: string,
    limits: { readonly soft?: number | null; readonly hard?: number | null },
    options: BroadcastOptions = {},
  ): Promise<void> {
    const { soft = null, hard = null } = limits;
    checkTimeLimits(soft, hard);
    return this.broadcast("time_limit", { task_name: task, soft, hard }, options);
  }

  /** Has workers consume one more queue. */
  addConsumer(
    queue: string,
    options: BroadcastOptions & {
      /** Default: named like the queue. */
      readonly exchange?: string;
      readonly exchangeType?: ExchangeType;
      /** Default: the queue's name. */
      readonly routingKey?: string;
    } = {},
  ): Promise<void> {
    const { exchange = null, exchangeType = "direct", routingKey = null, ...rest } = options;
    return this.broadcast(
      "add_consumer",
      { queue, exchange, exchange_type: exchangeType, routing_key: routingKey },
      rest,
    );
  }

  cancelConsumer(queue: string, options: BroadcastOptions = {}): Promise<void> {
    return this.broadcast("cancel_consumer", { queue }, options);
  }

  /** Has workers send task events, or stop it. */
  enableEvents(options: BroadcastOptions = {}): Promise<void> {
    return this.broadcast("enable_events", {}, options);
  }

  disableEvents(options: BroadcastOptions = {}): Promise<void> {
    return this.broadcast("disable_events", {}, options);
  }

  /** Has workers tell monitors at once that they live. */
  heartbeat(options: BroadcastOptions = {}): Promise<void> {
    return this.broadcast("heartbeat", {}, options);
  }

  /** Shuts workers down, warmly. Without a destination: all of them. */
  shutdown(options: BroadcastOptions = {}): Promise<void> {
    return this.broadcast("shutdown", {}, options);
  }

  /** Sends a command and waits for no reply. */
  async broadcast(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    options: BroadcastOptions = {},
  ): Promise<void> {
    const body = controlRequest({ method: command, arguments: args, destination: options.destination ?? null });
    const { publisher, config, clock } = this.#context;
    const message = {
      ...encodeContent(body, config.taskSerializer),
      headers: { clock: clock.forward(), expires: 0 },
      properties: { deliveryMode: 2, priority: 0 },
    } as const;
    await publisher.send(message, {
      destination: { exchange: controlExchange(config.controlExchange), routingKey: "" },
      declare: [],
      // Nobody listening is no error for a broadcast.
      mandatory: false,
    });
  }
}
