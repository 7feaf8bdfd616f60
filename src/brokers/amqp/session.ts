import type { Channel, ConsumeMessage } from "amqplib";
import { type CeleryError, type DecodeError, OperationalError } from "../../errors.js";
import { type Queue, queue as aQueue } from "../../protocol/queue.js";
import { AmqpDelivery, type Settler } from "./delivery.js";
import { channelClosed, NOT_IMPLEMENTED, operational, replyCode, serverText } from "./errors.js";
import { Fifo } from "./fifo.js";
import type { Link } from "./link.js";
import type { Properties } from "./read-frames.js";
import { asQos, Subscriptions } from "./subscriptions.js";
import type { Topology } from "./topology.js";

export interface SessionOptions {
  readonly noAck: boolean;
  readonly prefetch: number;
  /** The limit counts per consumer instead of per channel: quorum queues and RabbitMQ 4 know nothing else. */
  readonly perConsumer: boolean;
  onArrival(): void;
  onUndecodable(error: DecodeError, queue: string): void;
}

/** One channel on which queues are consumed, from its opening to its loss. Its deliveries live and die with it. */
export class Session implements Settler {
  /** Why nothing can be settled here any more. */
  lost: CeleryError | undefined;
  /** Arrived, and not taken by `take`. */
  readonly #arrived = new Fifo<AmqpDelivery>();
  #unsettled = 0;
  #limit: number;
  /** Consuming and cancelling happen one after the other: some of it takes two questions to the server. */
  #tail: Promise<unknown> = Promise.resolve();
  #stopping = false;
  readonly #subscriptions: Subscriptions;
  readonly #sources = new Map<string, Queue>();
  #listeners: ((error: CeleryError) => void)[] = [];

  private constructor(
    private readonly link: Link,
    private readonly topology: Topology,
    private readonly channel: Channel,
    private readonly options: SessionOptions,
  ) {
    this.#limit = asQos(options.prefetch);
    this.#subscriptions = new Subscriptions(channel, {
      noAck: options.noAck,
      perConsumer: options.perConsumer,
      limit: this.#limit,
      onMessage: (raw, queue) => this.#arrive(raw, queue),
    });
    let refusal: unknown;
    channel.on("error", (error) => (refusal = error));
    // A moment later it is known whether the whole connection went.
    channel.on("close", () => queueMicrotask(() => this.lose(link.lost ?? channelClosed(refusal))));
  }

  static async open(
    { link, topology }: { link: Link; topology: Topology },
    queues: Iterable<Queue>,
    options: SessionOptions,
  ): Promise<Session> {
    const list = [...queues];
    for (const queue of list) await topology.declareQueue(queue, true);
    const session = new Session(link, topology, await link.channel(), options);
    try {
      for (const queue of list) await session.#consume(queue);
    } catch (error) {
      await session.close();
      // The connection went with the refused consumer: wait until its reason is known.
      throw link.lost ?? operational(error, `consuming from ${link.endpoint.display} failed`);
    }
    return session;
  }

  onLost(listener: (error: CeleryError) => void): void {
    if (this.lost) listener(this.lost);
    else this.#listeners.push(listener);
  }

  get queues(): string[] {
    return this.#subscriptions.queues;
  }

  /** The next delivery, if there is one and the limit allows it. */
  take(): AmqpDelivery | undefined {
    if (this.lost || this.#stopping) return undefined;
    const room = this.options.noAck || this.#limit === 0 || this.#unsettled < this.#limit;
    const delivery = room ? this.#arrived.shift() : undefined;
    if (delivery) this.#unsettled++;
    else if (room && this.options.perConsumer && this.#unsettled >= this.#subscriptions.granted)
      this.#adjust(() => this.#subscriptions.grow(this.#limit));
    return delivery;
  }

  settle(delivery: AmqpDelivery, how: "ack" | "reject" | "requeue"): void {
    if (this.lost || this.options.noAck) return;
    this.#unsettled--;
    this.#answer(delivery.raw, how);
    if (this.#arrived.size > 0) this.options.onArrival();
  }

  setPrefetch(count: number): void {
    this.#limit = asQos(count);
    this.options.onArrival();
    // Workers move the limit with every delayed task: changes that wait here find the newest one made already.
    this.#adjust(() => this.#subscriptions.setLimit(this.#limit));
  }

  add(queue: Queue): Promise<void> {
    return this.#serial(async () => {
      await this.topology.declareQueue(queue, true);
      await this.#consume(queue);
    });
  }

  cancel(queue: string): Promise<void> {
    return this.#serial(() => this.#cancel(queue));
  }

  /** Takes nothing more; what nobody has taken goes back. Deliveries that were taken stay valid. */
  stop(): Promise<void> {
    // What is not acknowledged to the server cannot go back: it stays to be taken.
    this.#stopping = !this.options.noAck;
    return this.#serial(async () => {
      await Promise.all(this.queues.map((queue) => this.#cancel(queue)));
    });
  }

  /** Ends the channel; the server takes back what is not settled. */
  async close(): Promise<void> {
    if (this.lost) return;
    const error = new OperationalError("the consumer is closed", { retriable: false });
    const closed = this.channel.close().catch(() => undefined);
    const gone = new Promise<void>((resolve) => this.link.onLost(() => resolve()));
    this.lose(error);
    await Promise.race([closed, gone]);
  }

  lose(error: CeleryError): void {
    if (this.lost) return;
    this.lost = error;
    this.#arrived.drain();
    for (const listener of this.#listeners) listener(error);
    this.#listeners = [];
  }

  #serial(run: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(run);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  #adjust(run: () => Promise<void>): void {
    void this.#serial(async () => {
      if (!this.lost && !this.#stopping) await run();
    }).catch(() => undefined);
  }

  async #consume(queue: Queue): Promise<void> {
    this.#sources.set(queue.name, queue);
    await this.#subscriptions.add(queue.name);
  }

  async #cancel(queue: string): Promise<void> {
    await this.#subscriptions.cancel(queue).catch(() => undefined);
    if (!this.options.noAck) this.#giveBack(queue);
  }

  #arrive(raw: ConsumeMessage | null, queue: string): void {
    if (raw === null) {
      // The server cancels when the queue is deleted or moves to another node.
      this.lose(new OperationalError(`the server stopped the consuming of queue "${queue}" (was it deleted?)`));
      void this.channel.close().catch(() => undefined);
      return;
    }
    const { undecodable } = raw.properties as Properties;
    if (undecodable) {
      if (!this.options.noAck) this.#answer(raw, "ack");
      this.options.onUndecodable(undecodable, queue);
    } else if (this.#stopping) this.#answer(raw, "requeue");
    else {
      this.#arrived.push(new AmqpDelivery(this, raw, this.#sources.get(queue) ?? aQueue(queue)));
      this.options.onArrival();
    }
  }

  #answer(raw: ConsumeMessage, how: "ack" | "reject" | "requeue"): void {
    try {
      if (how === "ack") this.channel.ack(raw);
      else this.channel.reject(raw, how === "requeue");
    } catch {
      // The channel is closing: the server takes the message back.
    }
  }

  #giveBack(queue: string): void {
    for (const delivery of this.#arrived.drain())
      if (delivery.queue === queue) this.#answer(delivery.raw, "requeue");
      else this.#arrived.push(delivery);
  }
}

/** RabbitMQ refuses a limit per channel where a queue is a quorum queue, whatever we believed it to be. */
export const needsPerConsumer = (error: unknown): boolean => {
  const { cause } = error as { cause?: unknown };
  return [error, cause].some((one) => replyCode(one) === NOT_IMPLEMENTED && /global qos/.test(serverText(one)));
};
