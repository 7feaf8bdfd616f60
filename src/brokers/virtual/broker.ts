import {
  DeclarationMismatch,
  ImproperlyConfigured,
  NotSupported,
  OperationalError,
  PublishError,
} from "../../errors.js";
import { encodeEnvelope } from "../../protocol/envelope.js";
import type { Message } from "../../protocol/message.js";
import type { Destination, Exchange, Queue } from "../../protocol/queue.js";
import { abortable } from "../../util/abort.js";
import { newId } from "../../util/id.js";
import type { Broker, BrokerCapabilities, BrokerOptions, ConsumeOptions, Consumer, PublishOptions } from "../broker.js";
import { backoff } from "./backoff.js";
import { VirtualConsumer } from "./consumer.js";
import { queuesFor, routesOf } from "./routing.js";
import type { QueueOrder } from "./routing.js";
import type { MessageStore, PutOptions } from "./store.js";

/** What a driver says about itself. */
export interface VirtualBrokerSettings {
  readonly scheme: string;
  readonly displayUrl: string;
  readonly capabilities: BrokerCapabilities;
  readonly options: BrokerOptions;
  /** Default round_robin. */
  readonly order?: QueueOrder;
  /** Names of properties (`MessageProperties.other`) that are for the store alone and stay out of the envelope. */
  readonly storeProperties?: readonly string[];
}

/** A `Broker` over named lists of texts, with kombu's exchanges (kombu/transport/virtual/base.py). */
export function virtualBroker<R>(store: MessageStore<R>, settings: VirtualBrokerSettings): Broker {
  return new VirtualBroker(store, settings);
}

class VirtualBroker<R> implements Broker {
  readonly scheme: string;
  readonly displayUrl: string;
  readonly capabilities: BrokerCapabilities;
  readonly #store: MessageStore<R>;
  readonly #settings: VirtualBrokerSettings;
  readonly #backoff: (attempt: number) => number;
  readonly #bodyEncoding: "base64" | "utf-8";
  /** Takes what direct exchanges have no queue for (kombu's `deadletter_queue`). */
  readonly #deadLetters: string | undefined;
  readonly #consumers = new Set<VirtualConsumer<R>>();
  readonly #declared = new Set<string>();
  readonly #types = new Map<string, Exchange["type"]>();
  #closing: Promise<void> | undefined;

  constructor(store: MessageStore<R>, settings: VirtualBrokerSettings) {
    this.#store = store;
    this.#settings = settings;
    this.scheme = settings.scheme;
    this.displayUrl = settings.displayUrl;
    this.capabilities = settings.capabilities;
    this.#backoff = backoff(settings.options.transportOptions);
    this.#bodyEncoding = settings.options.transportOptions["body_encoding"] === "utf-8" ? "utf-8" : "base64";
    this.#deadLetters = deadLetters(settings.options.transportOptions["deadletter_queue"]);
    store.onForgotten?.(() => this.#declared.clear());
  }

  async connect(): Promise<void> {
    this.#assertOpen();
    await this.#store.connect();
  }

  async declare(queue: Queue): Promise<void> {
    this.#assertOpen();
    await this.#declare(queue);
  }

  async publish(message: Message, to: Destination, options: PublishOptions = {}): Promise<void> {
    this.#assertOpen();
    const { declare, signal } = options;
    if (signal?.aborted) throw signal.reason;
    if (declare) for (const queue of declare) if (!this.#declared.has(cacheKey(queue))) await this.#declare(queue);
    const sent =
      to.exchange.name === ""
        ? this.#put(to.routingKey, message, to)
        : this.#route(message, to, options.mandatory ?? true);
    await (signal ? abortable(sent, signal) : sent);
  }

  consume(queues: readonly Queue[], options: ConsumeOptions = {}): Consumer {
    this.#assertOpen();
    const { displayUrl, options: opened, order = "round_robin" } = this.#settings;
    const consumer = new VirtualConsumer<R>(
      {
        displayUrl,
        order,
        logger: opened.logger,
        retry: opened.connectionRetry,
        maxRetries: opened.connectionMaxRetries,
        backoff: this.#backoff,
        patience: opened.connectionTimeout * 1000,
        source: (events) => this.#store.source(events, { noAck: options.noAck ?? false }),
        declare: (queue) => this.#declare(queue),
        released: (queue) => this.#released(queue),
        closed: (one) => this.#consumers.delete(one),
      },
      queues,
      options,
    );
    this.#consumers.add(consumer);
    return consumer;
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen();
    return this.#store.purge(queue);
  }

  async size(queue: string): Promise<number> {
    this.#assertOpen();
    return this.#store.size(queue);
  }

  async delete(queue: Queue): Promise<void> {
    this.#assertOpen();
    await this.#remove(queue);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#store.close();
  }

  #assertOpen(): void {
    if (this.#closing)
      throw new OperationalError(`the connection to ${this.displayUrl} has been closed`, { retriable: false });
  }

  async #declare(queue: Queue): Promise<void> {
    this.#store.declared?.(queue);
    for (const { exchange, route } of routesOf(queue)) {
      this.#rememberType(exchange);
      await this.#store.bind(exchange.name, route);
    }
    // Temporary queues may be gone whenever they are used again, so they are bound each time, as kombu does.
    if (!queue.autoDelete && queue.arguments["x-expires"] === undefined) this.#declared.add(cacheKey(queue));
  }

  #checkSupport({ type, name }: Exchange): void {
    if (
      type === "headers" ||
      (type === "topic" && !this.capabilities.topic) ||
      (type === "fanout" && !this.capabilities.fanout)
    )
      throw new NotSupported(`${this.scheme} has no ${type} exchanges (exchange ${JSON.stringify(name)})`);
  }

  /** kombu stores no types: as there, what this process declared decides how it routes. */
  #rememberType(exchange: Exchange): void {
    this.#checkSupport(exchange);
    const { type, name } = exchange;
    const known = this.#types.get(name);
    if (known === undefined) this.#types.set(name, type);
    else if (known !== type)
      throw new DeclarationMismatch(
        `exchange ${JSON.stringify(name)} was declared with type ${known} before and now with type ${type}: use one type`,
      );
  }

  async #route(message: Message, to: Destination, mandatory: boolean): Promise<void> {
    const { exchange, routingKey } = to;
    this.#checkSupport(exchange);
    const type = this.#types.get(exchange.name) ?? exchange.type;
    const store = this.#store;
    let reached: number;
    if (type === "fanout" && store.broadcast)
      reached = await store.broadcast(exchange.name, routingKey, this.#encode(message, to));
    else {
      const routes = await store.routes(exchange.name);
      let queues: readonly string[] =
        type === "fanout" ? [...new Set(routes.map((route) => route.queue))] : queuesFor(routes, routingKey);
      if (queues.length === 0 && type === "direct" && this.#deadLetters) queues = [this.#deadLetters];
      await Promise.all(queues.map((queue) => this.#put(queue, message, to)));
      reached = queues.length;
    }
    if (reached === 0 && mandatory)
      throw new PublishError(
        `no queue is bound to exchange ${JSON.stringify(exchange.name)} with routing key ${JSON.stringify(routingKey)} ` +
          `on ${this.displayUrl}: declare the queue first (a worker does), or publish with mandatory: false`,
      );
  }

  #put(queue: string, message: Message, to: Destination): Promise<void> {
    return this.#store.put(queue, this.#encode(message, to), putOptions(message));
  }

  /** One delivery tag per copy: tags are the keys of Redis's unacknowledged messages, so two copies must not share one. */
  #encode(message: Message, to: Destination): string {
    return encodeEnvelope(
      this.#withoutStoreProperties(message),
      { exchange: to.exchange.name, routingKey: to.routingKey },
      { deliveryTag: newId(), bodyEncoding: this.#bodyEncoding },
    );
  }

  #withoutStoreProperties(message: Message): Message {
    const { storeProperties } = this.#settings;
    const { other } = message.properties;
    if (!storeProperties || !other) return message;
    const rest = Object.fromEntries(Object.entries(other).filter(([name]) => !storeProperties.includes(name)));
    return { ...message, properties: { ...message.properties, other: rest } };
  }

  /** kombu deletes auto-delete fanout queues with the channel that read them; others may have readers elsewhere. */
  async #released(queue: Queue): Promise<void> {
    if (queue.autoDelete && queue.exchange.type === "fanout") await this.#remove(queue);
  }

  async #remove(queue: Queue): Promise<void> {
    this.#declared.delete(cacheKey(queue));
    for (const { exchange, route } of routesOf(queue)) await this.#store.unbind(exchange.name, route);
    await this.#store.remove(queue.name);
  }
}

const cacheKey = (queue: Queue): string => `${queue.name}\0${queue.exchange.name}\0${queue.routingKey}`;

function deadLetters(option: unknown): string | undefined {
  if (option === undefined || option === null) return undefined;
  if (typeof option === "string" && option !== "") return option;
  throw new ImproperlyConfigured(
    `the transport option deadletter_queue is ${JSON.stringify(option)}: expected the name of a queue`,
  );
}

const NO_PRIORITY: PutOptions = { priority: 0, expiration: undefined };

function putOptions(message: Message): PutOptions {
  const { priority, expiration, other } = message.properties;
  if (!priority && expiration === undefined && other === undefined) return NO_PRIORITY;
  const milliseconds = expiration === undefined ? NaN : Number(expiration);
  return {
    priority: Math.max(0, Math.min(9, Math.trunc(priority ?? 0))),
    expiration: milliseconds >= 0 ? milliseconds : undefined,
    other,
  };
}
