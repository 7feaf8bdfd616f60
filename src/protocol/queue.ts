/** Queues, exchanges and how a routing key matches: kombu's entities as plain values. */

export type ExchangeType = "direct" | "topic" | "fanout" | "headers";

export interface Exchange {
  /** Empty for the default exchange, which routes to the queue named like the routing key. */
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface Binding {
  readonly exchange: Exchange;
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface Queue {
  readonly name: string;
  /** The exchange that senders use, and the binding to it; the default exchange needs no binding. */
  readonly exchange: Exchange;
  readonly routingKey: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  /** `x-max-priority`, `x-queue-type`, `x-expires` (ms), ... */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Bindings besides the one to `exchange`. */
  readonly bindings: readonly Binding[];
}

/** Where a message is sent. Drivers declare a named exchange before its first use on a connection. */
export interface Destination {
  readonly exchange: Exchange;
  readonly routingKey: string;
}

export const defaultExchange: Exchange = Object.freeze({
  name: "",
  type: "direct",
  durable: true,
  autoDelete: false,
  arguments: Object.freeze({}),
});

/** An exchange with Celery's defaults: direct, durable, kept. */
export function exchange(name: string, options: Partial<Omit<Exchange, "name">> = {}): Exchange {
  return name === ""
    ? defaultExchange
    : { name, type: "direct", durable: true, autoDelete: false, arguments: {}, ...options };
}

/** A queue with Celery's defaults: durable, bound to the direct exchange of its own name with its own name. */
export function queue(name: string, options: Partial<Omit<Queue, "name">> = {}): Queue {
  const routingKey = options.routingKey ?? name;
  return {
    name,
    exchange: exchange(name),
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: {},
    bindings: [],
    ...options,
    routingKey,
  };
}

/** The destination that reaches exactly one queue: the default exchange. */
export const toQueue = (name: string): Destination => ({ exchange: defaultExchange, routingKey: name });
