import type { Channel, ConsumeMessage } from "amqplib";

/** basic.qos has 16 bits; Celery asks for no limit beyond. 0 is no limit. */
export const asQos = (count: number): number => (count > 65535 || count < 0 ? 0 : Math.floor(count));

/** Consumers of the same limit, one per queue. */
interface Level {
  readonly limit: number;
  readonly tags: Map<string, string>;
}

export interface SubscriptionOptions {
  readonly noAck: boolean;
  /** The limit counts per consumer instead of per channel. */
  readonly perConsumer: boolean;
  readonly limit: number;
  onMessage(raw: ConsumeMessage | null, queue: string): void;
}

/**
 * The consumers of one channel, and how much the server may send through them. Where the limit counts per channel, one
 * consumer per queue and one basic.qos do. Where it counts per consumer, it cannot be changed for a consumer that
 * exists (cancelling and starting again would leave the old ones' messages outside the new limit): there a higher limit
 * is reached by further consumers on the same queues, which go again when it falls. Calls must not overlap.
 */
export class Subscriptions {
  readonly #levels: Level[];
  /** The limit per channel that the server knows. */
  #sent: number | undefined;

  constructor(
    private readonly channel: Channel,
    private readonly options: SubscriptionOptions,
  ) {
    this.#levels = [{ limit: options.limit, tags: new Map() }];
  }

  get queues(): string[] {
    return [...(this.#levels[0]?.tags.keys() ?? [])];
  }

  /** Messages that the server lets out of each queue before it waits for settling. */
  get granted(): number {
    return this.#levels.reduce((sum, { limit }) => sum + (limit === 0 ? Infinity : limit), 0);
  }

  async add(queue: string): Promise<void> {
    if (!this.options.perConsumer && this.#sent === undefined) await this.setLimit(this.options.limit);
    for (const level of this.#levels) await this.#consume(level, queue);
  }

  async cancel(queue: string): Promise<void> {
    const tags = this.#levels.flatMap((level) => level.tags.get(queue) ?? []);
    for (const level of this.#levels) level.tags.delete(queue);
    await Promise.all(tags.map((tag) => this.channel.cancel(tag)));
  }

  async setLimit(count: number): Promise<void> {
    if (this.options.noAck) return;
    if (!this.options.perConsumer) {
      if (count === this.#sent) return;
      this.#sent = count;
      await this.channel.prefetch(count, true);
      return;
    }
    for (let top = this.#levels.at(-1); top && count > 0; top = this.#levels.at(-1)) {
      const without = this.#levels.slice(0, -1).reduce((sum, { limit }) => sum + (limit === 0 ? Infinity : limit), 0);
      if (this.#levels.length === 1 || without < count) return;
      this.#levels.pop();
      await Promise.all([...top.tags.values()].map((tag) => this.channel.cancel(tag)));
    }
  }

  /** Per consumer: lets the server send more, up to the limit (a little beyond, so that single steps stay few). */
  async grow(count: number): Promise<void> {
    const { granted } = this;
    if (!this.options.perConsumer || (count > 0 && granted >= count) || granted === Infinity) return;
    const level: Level = {
      limit: count === 0 ? 0 : Math.max(count - granted, Math.ceil(granted / 4)),
      tags: new Map(),
    };
    this.#levels.push(level);
    for (const queue of this.queues) await this.#consume(level, queue);
  }

  async #consume(level: Level, queue: string): Promise<void> {
    const { noAck, perConsumer } = this.options;
    if (perConsumer && !noAck) await this.channel.prefetch(level.limit, false);
    const { consumerTag } = await this.channel.consume(queue, (raw) => this.options.onMessage(raw, queue), { noAck });
    level.tags.set(queue, consumerTag);
  }
}
