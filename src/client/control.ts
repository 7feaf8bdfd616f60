import { encodeContent } from "../protocol/serializers/registry.js";
import { controlExchange, controlRequest } from "../protocol/control.js";
import type { LamportClock } from "./clock.js";
import type { Config } from "./config.js";
import type { Publisher } from "./publisher.js";

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
