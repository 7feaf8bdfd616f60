import type { Channel, ConsumeMessage } from "amqplib";
import { type CeleryError, type DecodeError, OperationalError } from "../../errors.js";
import type { Queue } from "../../protocol/queue.js";
import { AmqpDelivery, type Settler } from "./delivery.js";
import { NOT_IMPLEMENTED, operational, replyCode, serverText } from "./errors.js";
import { Fifo } from "./fifo.js";
import type { Link } from "./link.js";
import type { Properties } from "./read-frames.js";
import type { Topology } from "./topology.js";

export interface SessionOptions {
  readonly noAck: boolean;
  readonly prefetch: number;
  /** The limit counts per consumer instead of per channel: quorum queues and RabbitMQ 4 know nothing else. */
  readonly perConsumer: boolean;
  onArrival(): void;
  onUndecodable(error: DecodeError, queue: string): void;
}

/** basic.qos has 16 bits; Celery asks for no limit beyond. */
const asQos = (count: number): number => (count > 65535 || count < 0 ? 0 : Math.floor(count));

/** One channel on which queues are consumed, from its opening to its loss. Its deliveries live and die with it. */
export class Session implements Settler {
  /** Why nothing can be settled here any more. */
  lost: CeleryError | undefined;
  /** Arrived, and not taken by `take`. */
  readonly #arrived = new Fifo<AmqpDelivery>();
  #unsettled = 0;
  #limit: number;
  /** The limit that the server knows. */
  #sent: number | undefined;
  /** Consuming and cancelling happen one after the other: some of it takes two questions to the server. */
  #tail: Promise<unknown> = Promise.resolve();
  #stopping = false;
  readonly #tags = new Map<string, string>();
  #listeners: ((error: CeleryError) => void)[] = [];

  private constructor(
    private readonly link: Link,
    private readonly topology: Topology,
    private readonly channel: Channel,
    private readonly options: SessionOptions,
  ) {
    this.#limit = asQos(options.prefetch);
    let refusal: unknown;
    channel.on("error", (error) => (refusal = error));
    // A moment later it is known whether the whole connection went.
    channel.on("close", () =>
      queueMicrotask(() => this.lose(link.lost ?? operational(refusal, "the consuming channel was closed"))),
    );
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
      await session.#sendQos();
      for (const queue of list) await session.#consume(queue.name);
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

  has(queue: string): boolean {
    return this.#tags.has(queue);
  }

  queues(): string[] {
    return [...this.#tags.keys()];
  }

  /** The next delivery, if there is one and the limit allows it. */
  take(): AmqpDelivery | undefined {
    if (this.lost || this.#stopping) return undefined;
    if (!this.options.noAck && this.#limit > 0 && this.#unsettled >= this.#limit) return undefined;
    const delivery = this.#arrived.shift();
    if (delivery) this.#unsettled++;
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
    // Workers move the limit with every delayed task: those that wait here find it sent already.
    void this.#serial(() => this.#sendQos()).catch(() => undefined);
  }

  add(queue: Queue): Promise<void> {
    return this.#serial(async () => {
      await this.topology.declareQueue(queue, true);
      await this.#consume(queue.name);
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
      await Promise.all([...this.#tags.keys()].map((queue) => this.#cancel(queue)));
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

  async #sendQos(): Promise<void> {
    if (this.options.noAck || this.lost || this.#stopping || this.#limit === this.#sent) return;
    this.#sent = this.#limit;
    await this.channel.prefetch(this.#limit, !this.options.perConsumer);
    // Per consumer, a limit holds for consumers that come after it: so they come again.
    if (this.options.perConsumer)
      for (const [queue, tag] of [...this.#tags]) {
        await this.channel.cancel(tag);
        await this.#consume(queue);
      }
  }

  async #cancel(queue: string): Promise<void> {
    const tag = this.#tags.get(queue);
    if (tag === undefined) return;
    this.#tags.delete(queue);
    await this.channel.cancel(tag).catch(() => undefined);
    if (!this.options.noAck) this.#giveBack(queue);
  }

  async #consume(queue: string): Promise<void> {
    const { consumerTag } = await this.channel.consume(queue, (raw) => this.#arrive(raw, queue), {
      noAck: this.options.noAck,
    });
    this.#tags.set(queue, consumerTag);
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
      this.#arrived.push(new AmqpDelivery(this, raw, queue));
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
