import { decodeEnvelope } from "../../protocol/envelope.js";
import type { Queue } from "../../protocol/queue.js";
import type { Link } from "../../util/redis/link.js";
import type { Keys } from "./keys.js";

/** Messages remembered to know them again. */
const REMEMBERED = 1000;

/** The fanout queues of one consumer: which channel patterns they listen to, on a connection that does only that. */
export class FanoutQueues {
  readonly #listening: Link;
  readonly #keys: Keys;
  /** Queues by the pattern they are subscribed with. */
  readonly #patterns = new Map<string, Set<string>>();
  /** Messages that may come over a second channel: queue and delivery tag, oldest first. */
  readonly #seen = new Set<string>();

  constructor(listening: Link, keys: Keys) {
    this.#listening = listening;
    this.#keys = keys;
  }

  /** A new connection begins: nothing is subscribed. */
  clear(): void {
    this.#patterns.clear();
  }

  async add({ name, exchange, routingKey }: Queue): Promise<void> {
    for (const pattern of this.#keys.channelPatterns(exchange.name, routingKey)) {
      const queues = this.#patterns.get(pattern);
      if (queues) queues.add(name);
      else {
        this.#patterns.set(pattern, new Set([name]));
        await (await this.#listening.session()).psubscribe(pattern);
      }
    }
  }

  async remove({ name, exchange, routingKey }: Queue): Promise<void> {
    for (const pattern of this.#keys.channelPatterns(exchange.name, routingKey)) {
      const queues = this.#patterns.get(pattern);
      queues?.delete(name);
      if (queues?.size !== 0) continue;
      this.#patterns.delete(pattern);
      await (await this.#listening.session()).punsubscribe(pattern);
    }
  }

  has(queue: string): boolean {
    for (const queues of this.#patterns.values()) if (queues.has(queue)) return true;
    return false;
  }

  /** The queues that a published message is for. */
  receivers(pattern: string, text: string): readonly string[] {
    const queues = [...(this.#patterns.get(pattern) ?? [])];
    return this.#keys.repeatsFanout ? queues.filter((queue) => this.#isNew(queue, text)) : queues;
  }

  #isNew(queue: string, text: string): boolean {
    let name: string;
    try {
      name = `${queue}\0${decodeEnvelope(text).deliveryTag}`;
    } catch {
      return true;
    }
    if (this.#seen.has(name)) return false;
    this.#seen.add(name);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
    return true;
  }
}
