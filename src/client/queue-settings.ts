import type { Exchange, ExchangeType } from "../protocol/queue.js";

/** One more way into a queue, beside the one from its own exchange. */
export interface BindingSettings {
  /** Name of the exchange, or a whole one. */
  readonly exchange: string | (Partial<Exchange> & { readonly name: string });
  readonly exchangeType?: ExchangeType;
  /** Default "". */
  readonly routingKey?: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** A queue in `taskQueues`: what is left out has Celery's defaults (durable, direct exchange, the queue's own name). */
export interface QueueSettings {
  /** Name of the exchange, or a whole one. Default: `taskDefaultExchange`, else the queue's name. */
  readonly exchange?: string | (Partial<Exchange> & { readonly name: string });
  readonly exchangeType?: ExchangeType;
  readonly routingKey?: string;
  /** What a headers exchange compares with the headers of a message: `{ "x-match": "all", colour: "red" }`. */
  readonly bindingArguments?: Readonly<Record<string, unknown>>;
  readonly bindings?: readonly BindingSettings[];
  /**
   * Kombu's `Broadcast`: each application has a queue of its own (`bcast.<uuid>`, which goes away with its consumer) at
   * a fanout exchange of this name, so every worker gets each message. Sending to it reaches those that listen, if any.
   */
  readonly broadcast?: boolean;
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  /** `x-max-priority`. */
  readonly maxPriority?: number;
  /** `x-expires`, seconds. */
  readonly expires?: number;
  /** `x-message-ttl`, seconds. */
  readonly messageTtl?: number;
  /** Further `x-` arguments as RabbitMQ names them. */
  readonly queueArguments?: Readonly<Record<string, unknown>>;
}
