import type { CeleryError, DecodeError } from "../errors.js";
import type { Message } from "../protocol/message.js";
import type { Destination, Queue } from "../protocol/queue.js";
import type { Logger } from "../util/logger.js";

/** What a broker can do. A claimed capability is tested by the conformance suite; an unclaimed one is refused with `NotSupported`. */
export interface BrokerCapabilities {
  /** Fanout exchanges: every bound queue gets a copy. Remote control and events need it. */
  readonly fanout: boolean;
  /** Type of the exchange of events (kombu's Redis transport has its own); absent: topic. */
  readonly eventExchange?: "fanout";
  /** Topic exchanges. */
  readonly topic: boolean;
  /** Which end of 0..9 is served first, or false. On RabbitMQ only for queues declared with `x-max-priority`. */
  readonly priority: "lowest-first" | "highest-first" | false;
  /** A message taken and not acknowledged survives the death of the consumer: at once, after a timeout, or not at all. */
  readonly redelivery: "immediate" | "visibility-timeout" | false;
  /** Messages outlive the process that sent them. */
  readonly persistent: boolean;
  /** A publish that reaches no queue rejects with `PublishError`. */
  readonly unroutable: boolean;
  /** Messages with an `expiration` are dropped by the broker. */
  readonly expiration: boolean;
  /** Messages that are not wanted yet (`PublishOptions.delay`) wait in the broker, where a queue is a quorum queue. Absent: in the worker. */
  readonly delay?: "quorum-queues";
  /** New messages are pushed, or looked for every so often. */
  readonly delivery: "push" | "poll";
  /** Bytes that any message body may have; absent when there is room for a mebibyte. What is too large for the server is refused with `PublishError`. */
  readonly maxBody?: number;
  /**
   * What goes in first comes out first, and what is given back comes before all that waits (true, the default); or the
   * server does its best and promises nothing.
   */
  readonly ordered?: boolean;
  /** What queues can be called, where not every text will do. Other names are refused with `ImproperlyConfigured`. */
  readonly queueNames?: RegExp;
}

/** How a driver is opened: everything from configuration, nothing from the environment. */
export interface BrokerOptions {
  readonly logger: Logger;
  /** Celery's `broker_transport_options`, wire names as Celery documents them for each transport. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** Seconds to wait for one connection (`broker_connection_timeout`, 4). */
  readonly connectionTimeout: number;
  /** Whether consumers reconnect (`broker_connection_retry`, true). */
  readonly connectionRetry: boolean;
  /** Attempts of a consumer to come back before it fails; null for no limit (`broker_connection_max_retries`, 100). */
  readonly connectionMaxRetries: number | null;
  /** Seconds between heartbeats asked of the server; 0 for none (`broker_heartbeat`, 120). */
  readonly heartbeat: number;
  /** Celery's `broker_use_ssl`: true, or Node's TLS options. */
  readonly useSsl: boolean | Readonly<Record<string, unknown>>;
  /** The order in which several URLs are tried (`broker_failover_strategy`). */
  readonly failoverStrategy: "round-robin" | "shuffle";
  /** How to log in, where there are several ways (`broker_login_method`). */
  readonly loginMethod?: string | undefined;
  /** Type of the queues in which messages wait for their time (`broker_native_delayed_delivery_queue_type`, quorum). */
  readonly delayedQueueType?: "classic" | "quorum" | undefined;
  /** Whether limits count per consumer as soon as a queue is a quorum queue (`worker_detect_quorum_queues`, true). */
  readonly detectQuorumQueues?: boolean | undefined;
  /** The client library, ready-made, instead of importing the optional peer package. */
  readonly lib?: unknown;
}

export interface PublishOptions {
  /** Declared on the connection in use before the message goes out; cached per connection and forgotten when it is lost. */
  readonly declare?: readonly Queue[] | undefined;
  /** Stops waiting. A message that the broker already has stays sent. */
  readonly signal?: AbortSignal | undefined;
  /** A message that reaches no queue is an error (true), or silently dropped (false: events, rpc results). Default true. */
  readonly mandatory?: boolean | undefined;
  /**
   * The message is not wanted before a moment (milliseconds since 1970). A broker that can hold it back does so, any
   * other ignores this: the message itself says when it may run. `queues` are those of the whole application.
   */
  readonly delay?: { readonly until: number; readonly queues: readonly Queue[] } | undefined;
}

export interface ConsumeOptions {
  /** Most messages handed out and not settled at a time; 0 for no limit. Default 0. */
  readonly prefetch?: number;
  /** Messages count as acknowledged when handed out. Default false. */
  readonly noAck?: boolean;
  /**
   * All queues of the application: a broker that can hold back delayed messages gets ready to deliver them there,
   * with every connection anew. Left out by consumers of anything but tasks.
   */
  readonly delayedQueues?: readonly Queue[];
  /** Called after a lost connection: every delivery handed out before it is void (settling it does nothing). */
  readonly onConnectionLost?: (error: CeleryError) => void;
  /** Called each time the consumer is consuming, also the first time. */
  readonly onConnected?: () => void;
  /** A message that is not kombu's was taken out of the queue; it was dropped (logged as an error when this is absent). */
  readonly onUndecodable?: (error: DecodeError, queue: string) => void;
}

/**
 * A lazy connection to one broker. Methods connect on first use; all can be called at once and many times.
 * A call that cannot be made rejects with `OperationalError` (`retriable` says whether trying again makes sense):
 * retrying a publish is the caller's business (Celery's retry policy), keeping a consumer alive is the driver's.
 */
export interface Broker {
  /** The URL scheme it was opened with. */
  readonly scheme: string;
  /** The URL with secrets masked, for messages to people. */
  readonly displayUrl: string;
  readonly capabilities: BrokerCapabilities;
  /** Connects, or rejects after one attempt at each URL. */
  connect(): Promise<void>;
  /** Makes exchange, queue and bindings exist: passive first, so an existing queue is used as it is. */
  declare(queue: Queue): Promise<void>;
  /** Resolves when the broker has the message. */
  publish(message: Message, to: Destination, options?: PublishOptions): Promise<void>;
  /** Starts consuming; iterate the consumer. Connects lazily and comes back after a lost connection. */
  consume(queues: readonly Queue[], options?: ConsumeOptions): Consumer;
  /** Removes all waiting messages; resolves to their number. A missing queue counts as 0. */
  purge(queue: string): Promise<number>;
  /** Waiting messages, not counting those handed out. A missing queue counts as 0. */
  size(queue: string): Promise<number>;
  /** Removes a queue with its messages and bindings. A missing one is fine. */
  delete(queue: Queue): Promise<void>;
  /** Gives back what its consumers hold, then disconnects. Calls after it reject. */
  close(): Promise<void>;
}

/**
 * Deliveries in the order of arrival. The iteration ends after `stop` or `close`; it rejects with `OperationalError`
 * when the connection is lost for good (`connectionMaxRetries`). Leaving the loop closes the consumer.
 */
export interface Consumer extends AsyncIterable<Delivery> {
  /** Changes the prefetch limit from now on. */
  setPrefetch(count: number): void;
  /**
   * Takes no more messages than so many in all, counted from the first one (those that a lost connection kept from being
   * handed out are not counted). No limit until it is called. Absent where the server pushes, for it would not know.
   */
  setCredit?(total: number): void;
  /** Starts consuming one more queue. */
  add(queue: Queue): Promise<void>;
  /** Stops consuming one queue; deliveries already handed out stay valid. */
  cancel(queue: string): Promise<void>;
  /** Takes nothing more and gives back what was not handed out; what was stays valid until settled or closed. */
  stop(): Promise<void>;
  /** `stop`, then gives back everything that is not settled. */
  close(): Promise<void>;
}

export interface DeliveryInfo {
  readonly exchange: string;
  readonly routingKey: string;
  readonly priority: number | null;
  readonly redelivered: boolean;
}

/** One message taken from a queue, to be settled once: later calls, and calls after a lost connection, do nothing. */
export interface Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly info: DeliveryInfo;
  /** Identifies the delivery among those of its broker, for logs. */
  readonly tag: string;
  /** Resolves when the acknowledgement is on its way in order; a broken connection means redelivery, not an error. */
  ack(): Promise<void>;
  reject(options: { readonly requeue: boolean }): Promise<void>;
  /**
   * Gives it back as a consumer that closes does: nothing was done with it, and it is among the first to be taken again.
   * Several that are released in one turn of the event loop, oldest first, stay in that order.
   */
  release(): Promise<void>;
  /** It will be held for long, maybe beside very many: forgets what it can read again, and keeps nobody else's memory. */
  park?(): void;
}

/** What each driver folder exports as default. */
export type OpenBroker = (url: string, options: BrokerOptions) => Broker;
