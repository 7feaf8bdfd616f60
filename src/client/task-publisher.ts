import type { Message } from "../protocol/message.js";
import { type TaskRequest, encodeTask } from "../protocol/task-message.js";
import type { Config } from "./config.js";
import type { Publisher } from "./publisher.js";
import type { Routed, Router } from "./router.js";
import type { PublishSignal, Signals } from "./signals.js";
import type { CallOptions } from "./types.js";

/** What a sender knows of a message beside what it says. */
export interface Sending {
  /** The task that sends it, or that it follows. */
  readonly parent?: TaskRequest | null | undefined;
  /** Part of each attempt: see `Publisher.send`. */
  readonly prepare?: (() => Promise<void>) | undefined;
}

/** Sends task messages, whoever they come from: calls, next steps, further attempts (celery/app/amqp.py `send_task_message`). */
export class TaskPublisher {
  readonly #publisher: Publisher;
  readonly #router: Router;
  readonly #config: Readonly<Config>;
  readonly #signals: Pick<Signals, "beforeTaskPublish" | "afterTaskPublish">;

  constructor(
    publisher: Publisher,
    router: Router,
    config: Readonly<Config>,
    signals: Pick<Signals, "beforeTaskPublish" | "afterTaskPublish">,
  ) {
    this.#publisher = publisher;
    this.#router = router;
    this.#config = config;
    this.#signals = signals;
  }

  /** Resolves when the broker has it. `options` are expanded by the routes already. */
  async send(request: TaskRequest, options: Readonly<CallOptions>, { parent, prepare }: Sending = {}): Promise<void> {
    const encoded = encodeTask(request, {
      protocol: this.#config.taskProtocol,
      serializer: options.serializer ?? this.#config.taskSerializer,
      compression: options.compression ?? this.#config.taskCompression,
      deliveryMode: this.#config.taskDefaultDeliveryMode,
    });
    const { properties: other } = options;
    const message = other ? { ...encoded, properties: { ...encoded.properties, other } } : encoded;
    const to = this.#router.destination(options);
    const { beforeTaskPublish, afterTaskPublish } = this.#signals;
    const heard = beforeTaskPublish.connected || afterTaskPublish.connected;
    const sent = heard ? changeable(request, message, to, parent) : null;
    if (sent) await beforeTaskPublish.send(request.task, sent);
    const { retry, retryPolicy, signal } = options;
    const delay = this.#router.delay(request.eta);
    await this.#publisher.send(
      sent ? changed(message, sent) : message,
      to,
      { retry, retryPolicy, signal, delay },
      prepare,
    );
    if (sent) await afterTaskPublish.send(request.task, sent);
  }
}

function changeable(
  request: TaskRequest,
  { headers, properties }: Message,
  { destination }: Routed,
  parent: TaskRequest | null = null,
): PublishSignal {
  const { exchange, routingKey } = destination;
  return {
    ...{ taskId: request.id, task: request.task, request, parent, exchange: exchange.name, routingKey },
    headers: { ...headers },
    properties: { ...properties },
  };
}

const changed = (message: Message, { headers, properties }: PublishSignal): Message => ({
  ...message,
  headers,
  properties,
});
