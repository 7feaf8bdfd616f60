import { type CeleryError, OperationalError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Destination, Queue } from "../../protocol/queue.js";
import { loadPeer } from "../../util/load-peer.js";
import { after } from "../../util/time.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Broker, BrokerCapabilities, BrokerOptions, ConsumeOptions, Consumer, PublishOptions } from "../broker.js";
import { AmqpConsumer } from "./consumer.js";
import { delayedRoute } from "./delayed.js";
import { type Endpoint, endpoints } from "./endpoint.js";
import { replyCode, RESOURCE_LOCKED } from "./errors.js";
import { Failover, LazyLink } from "./lazy-link.js";
import { type AmqpLib, asAmqpLib, type Link, openLink } from "./link.js";
import { Publisher } from "./publisher.js";
import { Topology } from "./topology.js";
import { type AmqpSettings, amqpSettings } from "./transport-options.js";

const CAPABILITIES: BrokerCapabilities = {
  fanout: true,
  topic: true,
  priority: "highest-first",
  redelivery: "immediate",
  delay: "quorum-queues",
  persistent: true,
  unroutable: true,
  expiration: true,
  delivery: "push",
};

/**
 * RabbitMQ (schemes amqp, amqps, pyamqp) by the package amqplib, an optional peer. Wire facts follow kombu's pyamqp
 * transport. Two connections, opened when needed: one publishes and declares, the other consumes, so that a broker
 * that holds back publishers does not hold back acknowledgements.
 *
 * Of `transportOptions` these are read: `login_method`, `frame_max`, `channel_max`, `client_properties`,
 * `blocked_connection_timeout` (60), and for consumers that come back `interval_start` (1), `interval_step` (1),
 * `interval_max` (30), in seconds. Publisher confirms are always on.
 *
 * @throws ImproperlyConfigured for a URL or an option that cannot be used
 */
export default function open(url: string, options: BrokerOptions): Broker {
  return new AmqpBroker(url, options);
}

type Connected = { readonly link: Link; readonly topology: Topology };

class AmqpBroker implements Broker {
  readonly scheme: string;
  readonly displayUrl: string;
  readonly capabilities = CAPABILITIES;
  readonly #endpoints: readonly Endpoint[];
  readonly #settings: AmqpSettings;
  readonly #publishing: LazyLink;
  readonly #consuming: LazyLink;
  readonly #publisher: Publisher;
  readonly #topologies = new WeakMap<Link, Topology>();
  readonly #consumers = new Set<AmqpConsumer>();
  #closing: Promise<void> | undefined;
  #closed: CeleryError | undefined;

  constructor(
    url: string,
    private readonly options: BrokerOptions,
  ) {
    this.scheme = schemeOf(url);
    this.displayUrl = maskUrl(url);
    this.#endpoints = endpoints(url, options);
    this.#settings = amqpSettings(options.transportOptions);
    this.#publishing = this.#lazyLink("publish");
    this.#consuming = this.#lazyLink("consume");
    this.#publisher = new Publisher(() => this.#connected(this.#publishing), this.displayUrl);
  }

  async connect(): Promise<void> {
    await this.#publishing.get();
  }

  async declare(queue: Queue): Promise<void> {
    // An exclusive queue belongs to the connection that declares it, and only there it can be consumed.
    const { topology } = await this.#connected(queue.exclusive ? this.#consuming : this.#asking);
    await topology.declareQueue(queue);
  }

  publish(message: Message, to: Destination, options?: PublishOptions): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    const route = options?.delay && delayedRoute(to, options.delay);
    return route
      ? this.#publisher.publish(withoutExpiration(message), route, { ...options, heldFor: to })
      : this.#publisher.publish(message, to, options);
  }

  consume(queues: readonly Queue[], options: ConsumeOptions = {}): Consumer {
    const { connectionRetry, connectionMaxRetries, logger, delayedQueueType, detectQuorumQueues } = this.options;
    const consumer = new AmqpConsumer(queues, options, {
      logger,
      connection: () => this.#connected(this.#consuming),
      retry: connectionRetry,
      maxRetries: connectionMaxRetries,
      delay: (attempt) => this.#settings.delay(attempt),
      delayedQueueType: delayedQueueType ?? "quorum",
      detectQuorumQueues: detectQuorumQueues ?? true,
      onClosed: (one) => this.#consumers.delete(one),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  purge(queue: string): Promise<number> {
    return this.#ask((topology) => topology.purge(queue));
  }

  async size(queue: string): Promise<number> {
    return (await this.#ask((topology) => topology.count(queue))) ?? 0;
  }

  delete(queue: Queue): Promise<void> {
    return this.#ask((topology) => topology.delete(queue.name));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const seconds = this.options.connectionTimeout;
    const closed = new OperationalError(`the broker ${this.displayUrl} is closed`, { retriable: false });
    this.#closed = closed;
    const consumers = Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    // What is on its way is waited for, what waits for a connection is not. A server that does not answer must not keep
    // the program: after a while its connections are cut.
    const flushed = this.#publishing.current ? this.#publisher.flushed() : undefined;
    await within(seconds, Promise.all([flushed, consumers]));
    await Promise.all([this.#publishing.close(closed, seconds), this.#consuming.close(closed, seconds)]);
    this.#publisher.fail(closed);
    await consumers;
  }

  /** On the publishing connection; about an exclusive queue of ours on the one that owns it. */
  async #ask<T>(question: (topology: Topology) => Promise<T>): Promise<T> {
    try {
      return await question((await this.#connected(this.#asking)).topology);
    } catch (error) {
      const { current } = this.#consuming;
      if (!current || replyCode((error as Error).cause) !== RESOURCE_LOCKED) throw error;
      return question((await this.#connected(this.#consuming)).topology);
    }
  }

  /** A server that blocks publishing answers nothing there. */
  get #asking(): LazyLink {
    return this.#publishing.current?.blockage.active ? this.#consuming : this.#publishing;
  }

  async #connected(lazy: LazyLink): Promise<Connected> {
    const link = await lazy.get();
    let topology = this.#topologies.get(link);
    if (!topology) this.#topologies.set(link, (topology = new Topology(link, this.options.logger)));
    return { link, topology };
  }

  #lazyLink(purpose: string): LazyLink {
    const { logger, failoverStrategy } = this.options;
    const failover = new Failover(this.#endpoints, failoverStrategy);
    const settings = { ...this.#settings, logger, purpose: `celeriac ${purpose}` };
    return new LazyLink(async (signal) => {
      const lib = await this.#lib();
      return failover.open((endpoint) => openLink(lib, endpoint, settings, signal), signal);
    });
  }

  async #lib(): Promise<AmqpLib> {
    return asAmqpLib(
      this.options.lib ?? (await loadPeer("amqplib", `the broker ${this.displayUrl}`, () => import("amqplib"))),
    );
  }
}

/** RabbitMQ would end the waiting early with the message's own time to live; the worker looks at `expires` anyway. */
const withoutExpiration = (message: Message): Message => ({
  ...message,
  properties: { ...message.properties, expiration: undefined },
});

/** Waits for the promise, but not longer. */
async function within(seconds: number, promise: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = after(seconds * 1000, resolve);
    void promise
      .catch(() => undefined)
      .then(() => {
        timer.cancel();
        resolve();
      });
  });
}
