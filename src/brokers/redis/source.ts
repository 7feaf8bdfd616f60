import type { OperationalError } from "../../errors.js";
import { decodeEnvelope, markRedelivered } from "../../protocol/envelope.js";
import type { Queue } from "../../protocol/queue.js";
import { onAbort } from "../../util/abort.js";
import { newId } from "../../util/id.js";
import type { Logger } from "../../util/logger.js";
import { epochSeconds } from "../../util/time.js";
import type { GiveBackTo, MessageSource, SourceEvents, Taken } from "../virtual/store.js";
import { AckBatch } from "./ack-batch.js";
import { giveBack } from "./give-back.js";
import type { Return } from "./give-back.js";
import type { Keys } from "./keys.js";
import { Link } from "./link.js";
import type { Addresses, Connect } from "./link.js";
import { Restorer } from "./restorer.js";
import { TAKE } from "./scripts.js";
import type { RedisSettings } from "./settings.js";

/** Where a taken message came from: a list, with its record in `unacked` (if any), or a fanout channel. */
export interface RedisReceipt {
  /** Empty for a fanout message. */
  readonly list: string;
  /** Name of the record; empty when there is none. */
  readonly name: string;
  readonly score: number;
}

/** What Redis calls when a key that was read is changed: every client of protocol 2 hears of it on this channel. */
const INVALIDATE = "__redis__:invalidate";
/** Milliseconds between two looks at the queues when the server cannot tell of changes. */
const SHORTEST_POLL = 10;
const LONGEST_POLL = 250;

/**
 * The reading side of one consumer: one connection takes, acknowledges and gives back; a second one listens for fanout
 * messages and for changes.
 *
 * How an idle consumer waits: it asks whether any of its lists EXISTS, with `CLIENT TRACKING` on. The server answers
 * and in the same step remembers the keys for us; the next change of one of them, by whichever client, is told on the
 * second connection. So nothing can come in between unnoticed, nothing is taken out of a list while waiting (BRPOP
 * would hold a message for a moment in which a crash loses it), any number of lists is watched at once, and nobody has
 * to be idle in a blocking call. A lost notice would mean a lost connection, which ends the consumer's round; a slow
 * look now and then covers what else there may be. Servers before 6.0, or with an ACL that forbids it, are asked
 * again after short, growing pauses.
 */
export class RedisSource implements MessageSource<RedisReceipt> {
  readonly #link: Link;
  readonly #listening: Link;
  readonly #keys: Keys;
  readonly #settings: RedisSettings;
  readonly #logger: Logger;
  readonly #events: SourceEvents;
  readonly #keep: boolean;
  readonly #acks: AckBatch;
  readonly #restorer: Restorer;
  /** Queues by the pattern they are subscribed with. */
  readonly #patterns = new Map<string, Set<string>>();
  #fanout: Taken<RedisReceipt>[] = [];
  #tracking = false;
  #emptyLooks = 0;
  readonly #nonce = newId();
  #takes = 0;

  constructor(
    addresses: Addresses,
    connect: Connect,
    keys: Keys,
    settings: RedisSettings,
    logger: Logger,
    events: SourceEvents,
    noAck: boolean,
  ) {
    this.#keys = keys;
    this.#settings = settings;
    this.#logger = logger;
    this.#events = events;
    this.#keep = settings.ackEmulation && !noAck;
    const lost = (error: OperationalError): void => {
      this.drop();
      events.lost(error);
    };
    this.#link = new Link(addresses, connect, { lost });
    this.#listening = new Link(addresses, connect, {
      lost,
      message: (pattern, _channel, text) => this.#heard(pattern, text),
    });
    this.#acks = new AckBatch(this.#link, keys);
    this.#restorer = new Restorer(this.#link, keys, settings, logger);
  }

  get pollInterval(): number {
    const longest = this.#settings.pollingInterval * 1000;
    if (this.#tracking) return longest;
    return Math.min(longest, LONGEST_POLL, SHORTEST_POLL * 2 ** Math.min(10, this.#emptyLooks));
  }

  async open(signal: AbortSignal): Promise<void> {
    this.drop();
    this.#patterns.clear();
    this.#fanout = [];
    const off = onAbort(signal, () => this.drop());
    try {
      await Promise.all([this.#link.session(), this.#listening.session()]);
      signal.throwIfAborted();
      this.#tracking = await this.#track();
    } finally {
      off();
    }
    this.#acks.resume();
  }

  async attach(queue: Queue): Promise<boolean> {
    if (queue.exchange.type !== "fanout") {
      if (this.#keep) this.#restorer.start();
      return true;
    }
    const pattern = this.#keys.channelPattern(queue.exchange.name, queue.routingKey);
    const queues = this.#patterns.get(pattern);
    if (queues) queues.add(queue.name);
    else {
      this.#patterns.set(pattern, new Set([queue.name]));
      await (await this.#listening.session()).psubscribe(pattern);
    }
    return false;
  }

  async detach(queue: Queue): Promise<void> {
    if (queue.exchange.type !== "fanout") return;
    const pattern = this.#keys.channelPattern(queue.exchange.name, queue.routingKey);
    const queues = this.#patterns.get(pattern);
    queues?.delete(queue.name);
    if (queues?.size !== 0) return;
    this.#patterns.delete(pattern);
    await (await this.#listening.session()).punsubscribe(pattern);
  }

  async take(queues: readonly string[], limit: number): Promise<readonly Taken<RedisReceipt>[]> {
    const taken = this.#fanout.splice(0, limit);
    if (queues.length === 0 || taken.length >= limit) return taken;
    const lists = this.#keys.listsByStep(queues);
    const time = epochSeconds();
    const found = (await this.#link.run(
      TAKE,
      [this.#keys.unacked, this.#keys.unackedIndex, ...lists],
      [
        time,
        limit - taken.length,
        this.#settings.queueOrder === "round_robin" ? 1 : 0,
        this.#keep ? 1 : 0,
        this.#keys.steps.length,
        `${this.#nonce}.${++this.#takes}`,
        ...queues.map((queue) => JSON.stringify(queue)),
      ],
    )) as (number | string | null)[];
    for (let at = 0; at < found.length; at += 3) {
      const list = (found[at] as number) - 1;
      // The same sum as in the script, so the same number to the last bit.
      const score = time + (at / 3 + 1) * 1e-6;
      const one: Taken<RedisReceipt> = {
        queue: queues[list % queues.length] as string,
        text: found[at + 2] as string,
        receipt: { list: lists[list] as string, name: (found[at + 1] as string | null) ?? "", score },
      };
      taken.push(this.#keep && one.receipt.name === "" ? await this.#recorded(one) : one);
    }
    if (taken.length > 0) this.#emptyLooks = 0;
    return taken;
  }

  async arm(queues: readonly string[]): Promise<boolean> {
    if (queues.length === 0) return false;
    if (((await this.#link.call("EXISTS", ...this.#keys.listsByStep(queues))) as number) > 0) return true;
    this.#emptyLooks++;
    return false;
  }

  settle({ receipt: { name, score } }: Taken<RedisReceipt>): void {
    if (name !== "") this.#acks.add({ name, score });
  }

  async giveBack(taken: readonly Taken<RedisReceipt>[], to: GiveBackTo): Promise<void> {
    const returns: Return[] = [];
    const again: Taken<RedisReceipt>[] = [];
    for (const one of taken) {
      const text = markRedelivered(one.text, "headers");
      const { list, name, score } = one.receipt;
      if (list !== "") returns.push({ list, name, score, text });
      else if (this.#isSubscribed(one.queue)) again.push({ ...one, text });
    }
    // A fanout message is nowhere but here: it comes again to this consumer, or ends with its subscription.
    if (again.length > 0) {
      this.#fanout = to === "front" ? [...again, ...this.#fanout] : [...this.#fanout, ...again];
      this.#events.wake();
    }
    await giveBack(this.#link, this.#keys, returns, to);
  }

  drop(): void {
    this.#link.reset();
    this.#listening.reset();
  }

  async close(): Promise<void> {
    await this.#restorer.stop();
    await this.#acks
      .drained()
      .catch((error: unknown) =>
        this.#logger.warn(`acknowledged messages may come again from ${this.#link.displayUrl}`, { error }),
      );
    await Promise.all([this.#link.close(), this.#listening.close()]);
  }

  #isSubscribed(queue: string): boolean {
    for (const queues of this.#patterns.values()) if (queues.has(queue)) return true;
    return false;
  }

  /** Whether the server tells of changes on the second connection. */
  async #track(): Promise<boolean> {
    try {
      const listener = await this.#listening.session();
      const id = (await listener.call("CLIENT", "ID")) as number;
      await listener.subscribe(INVALIDATE);
      const session = await this.#link.session();
      await session.call("CLIENT", "TRACKING", "ON", "REDIRECT", id);
      return true;
    } catch (error) {
      if (!(error instanceof Error && error.name === "ReplyError")) throw error;
      this.#logger.info(`${this.#link.displayUrl} does not tell of new messages, so they are looked for`, { error });
      return false;
    }
  }

  #heard(pattern: string, text: string): void {
    if (pattern !== INVALIDATE)
      for (const queue of this.#patterns.get(pattern) ?? [])
        this.#fanout.push({ queue, text, receipt: { list: "", name: "", score: 0 } });
    this.#events.wake();
  }

  /** What the script could not read but we can (cjson refuses lone surrogates) gets its record now, as kombu does it. */
  async #recorded(taken: Taken<RedisReceipt>): Promise<Taken<RedisReceipt>> {
    const { queue, text, receipt } = taken;
    try {
      decodeEnvelope(text);
    } catch {
      return taken;
    }
    const name = newId();
    await this.#link.call("HSET", this.#keys.unacked, name, `[${text}, "", ${JSON.stringify(queue)}]`);
    await this.#link.call("ZADD", this.#keys.unackedIndex, receipt.score, name);
    return { ...taken, receipt: { ...receipt, name } };
  }
}
