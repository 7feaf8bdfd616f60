import type { Exchange, ExchangeType } from "../protocol/queue.js";

/** A queue in `taskQueues`: what is left out has Celery's defaults (durable, direct exchange, the queue's own name). */
export interface QueueSettings {
  /** Name of the exchange, or a whole one. Default: `taskDefaultExchange`, else the queue's name. */
  readonly exchange?: string | (Partial<Exchange> & { readonly name: string });
  readonly exchangeType?: ExchangeType;
  readonly routingKey?: string;
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
