import type { CeleryError } from "../../errors.js";
import { decodeEnvelope } from "../../protocol/envelope.js";
import type { Queue } from "../../protocol/queue.js";
import { onAbort } from "../../util/abort.js";
import { newId } from "../../util/id.js";
import { isReply } from "../../util/redis/failure.js";
import { Link } from "../../util/redis/link.js";
import { epochSeconds } from "../../util/time.js";
import { redelivered } from "../virtual/redelivered.js";
import type { GiveBackTo, MessageSource, SourceEvents, Taken } from "../virtual/store.js";
import { AckBatch } from "./ack-batch.js";
import { BindingKeeper } from "./binding-keeper.js";
import { Bindings } from "./bindings.js";
import { FanoutQueues } from "./fanout.js";
import { giveBack } from "./give-back.js";
import type { Return } from "./give-back.js";
import { Lease, renew } from "./lease.js";
import { RIGHTS } from "./parts.js";
import type { RedisParts } from "./parts.js";
import { Restorer } from "./restorer.js";
import { TAKE } from "./scripts.js";

/** Where a taken message came from: a list, or a fanout channel. */
export interface RedisReceipt {
  /** Empty for a fanout message. */
  readonly list: string;
  /** Our hold on its record in `unacked`, when there is one. */
  readonly lease: Lease | undefined;
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
  readonly #parts: RedisParts;
  readonly #link: Link;
  readonly #listening: Link;
  readonly #events: SourceEvents;
  readonly #keep: boolean;
  readonly #acks: AckBatch;
  readonly #restorer: Restorer;
  readonly #keeper: BindingKeeper;
  readonly #subscriptions: FanoutQueues;
  #fanout: Taken<RedisReceipt>[] = [];
  #tracking = false;
  #emptyLooks = 0;
  readonly #nonce = newId();
  #takes = 0;

  constructor(parts: RedisParts, events: SourceEvents, noAck: boolean) {
    const { addresses, connect, keys, settings, logger } = parts;
    this.#parts = parts;
    this.#events = events;
    this.#keep = settings.ackEmulation && !noAck;
    const lost = (error: CeleryError): void => {
      this.drop();
      events.lost(error);
    };
    this.#link = new Link(addresses, connect, { lost, rights: RIGHTS });
    this.#listening = new Link(addresses, connect, {
      lost,
      rights: RIGHTS,
      message: (pattern, _channel, text) => this.#heard(pattern, text),
    });
    this.#acks = new AckBatch(this.#link, keys);
    this.#restorer = new Restorer(this.#link, parts);
    this.#keeper = new BindingKeeper(new Bindings(this.#link, keys), logger);
    this.#subscriptions = new FanoutQueues(this.#listening, keys);
  }

  /** Milliseconds; see the option `extend_visibility`. */
  get renewInterval(): number {
    return this.#keep ? this.#parts.settings.renewInterval * 1000 : 0;
  }

  get pollInterval(): number {
    const longest = this.#parts.settings.pollingInterval * 1000;
    if (this.#tracking) return longest;
    return Math.min(longest, LONGEST_POLL, SHORTEST_POLL * 2 ** Math.min(10, this.#emptyLooks));
  }

  async open(signal: AbortSignal): Promise<void> {
    this.drop();
    this.#keeper.stop();
    this.#subscriptions.clear();
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
    this.#keeper.add(queue);
    if (queue.exchange.type === "fanout") {
      await this.#subscriptions.add(queue);
      return false;
    }
    if (this.#keep) this.#restorer.start();
    return true;
  }

  async detach(queue: Queue): Promise<void> {
    this.#keeper.remove(queue.name);
    if (queue.exchange.type === "fanout") await this.#subscriptions.remove(queue);
  }

  async take(queues: readonly string[], limit: number): Promise<readonly Taken<RedisReceipt>[]> {
    const taken = this.#fanout.splice(0, limit);
    if (queues.length === 0 || taken.length >= limit) return taken;
    const { keys, settings } = this.#parts;
    const lists = keys.listsByStep(queues);
    const time = epochSeconds();
    const found = (await this.#link.run(
      TAKE,
      [keys.unacked, keys.unackedIndex, ...lists],
      [
        time,
        limit - taken.length,
        settings.queueOrder === "round_robin" ? 1 : 0,
        this.#keep ? 1 : 0,
        keys.steps.length,
        `${this.#nonce}.${++this.#takes}`,
        ...queues.map((queue) => JSON.stringify(queue)),
      ],
    )) as (number | string | null)[];
    for (let at = 0; at < found.length; at += 3) {
      const list = (found[at] as number) - 1;
      // The same sum as in the script, so the same number to the last bit.
      const score = time + (at / 3 + 1) * 1e-6;
      const name = found[at + 1] as string | null;
      const one: Taken<RedisReceipt> = {
        queue: queues[list % queues.length] as string,
        text: found[at + 2] as string,
        receipt: { list: lists[list] as string, lease: name === null ? undefined : new Lease(name, score) },
      };
      taken.push(this.#keep && name === null ? await this.#recorded(one, score) : one);
    }
    if (taken.length > 0) this.#emptyLooks = 0;
    return taken;
  }

  async arm(queues: readonly string[]): Promise<boolean> {
    if (queues.length === 0) return false;
    if (((await this.#link.call("EXISTS", ...this.#parts.keys.listsByStep(queues))) as number) > 0) return true;
    this.#emptyLooks++;
    return false;
  }

  settle({ receipt: { lease } }: Taken<RedisReceipt>): void {
    if (lease) this.#acks.add(lease.end());
  }

  async renew(held: readonly Taken<RedisReceipt>[]): Promise<void> {
    const leases = held.flatMap(({ receipt: { lease } }) => lease ?? []);
    const lost = await renew(this.#link, this.#parts.keys, leases, epochSeconds);
    if (lost > 0)
      this.#parts.logger.warn(
        `${lost} messages from ${this.#link.displayUrl} were given to somebody else, because they were held for longer ` +
          `than some worker's visibility_timeout and could not be renewed in time: they run twice`,
      );
  }

  async giveBack(taken: readonly Taken<RedisReceipt>[], to: GiveBackTo): Promise<void> {
    const returns: Return[] = [];
    const again: Taken<RedisReceipt>[] = [];
    for (const one of taken) {
      const text = redelivered(one.text, "headers");
      const { list, lease } = one.receipt;
      if (lease) returns.push(...lease.end().map((ticket) => ({ list, text, ...ticket })));
      else if (list !== "") returns.push({ list, text, name: "", score: 0 });
      else if (this.#subscriptions.has(one.queue)) again.push({ ...one, text });
    }
    // A fanout message is nowhere but here: it comes again to this consumer, or ends with its subscription.
    if (again.length > 0) {
      this.#fanout = to === "front" ? [...again, ...this.#fanout] : [...this.#fanout, ...again];
      this.#events.wake();
    }
    await giveBack(this.#link, this.#parts.keys, returns, to);
  }

  drop(): void {
    this.#link.reset();
    this.#listening.reset();
  }

  async close(): Promise<void> {
    this.#keeper.stop();
    await this.#restorer.stop();
    await this.#acks
      .drained()
      .catch((error: unknown) =>
        this.#parts.logger.warn(`acknowledged messages may come again from ${this.#link.displayUrl}`, { error }),
      );
    await Promise.all([this.#link.close(), this.#listening.close()]);
  }

  /** Whether the server tells of changes on the second connection. */
  async #track(): Promise<boolean> {
    try {
      const listener = await this.#listening.session();
      const id = (await listener.call("CLIENT", "ID")) as number;
      await listener.subscribe([INVALIDATE]);
      const session = await this.#link.session();
      await session.call("CLIENT", "TRACKING", "ON", "REDIRECT", id);
      return true;
    } catch (error) {
      if (!isReply(error)) throw error;
      this.#parts.logger.info(`${this.#link.displayUrl} does not tell of new messages, so they are looked for`, {
        error,
      });
      return false;
    }
  }

  #heard(pattern: string, text: string): void {
    if (pattern !== INVALIDATE)
      for (const queue of this.#subscriptions.receivers(pattern, text))
        this.#fanout.push({ queue, text, receipt: { list: "", lease: undefined } });
    this.#events.wake();
  }

  /** What the script could not read but we can (cjson refuses lone surrogates) gets its record now, as kombu does it. */
  async #recorded(taken: Taken<RedisReceipt>, score: number): Promise<Taken<RedisReceipt>> {
    const { queue, text, receipt } = taken;
    try {
      decodeEnvelope(text);
    } catch {
      return taken;
    }
    const { unacked, unackedIndex } = this.#parts.keys;
    const name = newId();
    await this.#link.call("HSET", unacked, name, `[${text}, "", ${JSON.stringify(queue)}]`);
    await this.#link.call("ZADD", unackedIndex, score, name);
    return { ...taken, receipt: { ...receipt, lease: new Lease(name, score) } };
  }
}
