import { CeleryError, DecodeError, OperationalError } from "../../errors.js";
import { decodeEnvelope } from "../../protocol/envelope.js";
import type { Queue } from "../../protocol/queue.js";
import { AsyncQueue } from "../../util/async-queue.js";
import { deferred } from "../../util/deferred.js";
import type { Logger } from "../../util/logger.js";
import { after, sleep } from "../../util/time.js";
import type { ConsumeOptions, Consumer, Delivery } from "../broker.js";
import { VirtualDelivery } from "./delivery.js";
import type { Settler } from "./delivery.js";
import { Renewal } from "./renewal.js";
import { QueueCycle } from "./routing.js";
import type { QueueOrder } from "./routing.js";
import type { GiveBackTo, MessageSource, SourceEvents, Taken } from "./store.js";
import { Wake } from "./wake.js";

/** Most messages taken at a time: keeps a server's script short and bounds what waits unread in this process. */
const BATCH = 100;

/** What a consumer needs of its broker. */
export interface ConsumerParts<R> {
  readonly displayUrl: string;
  readonly logger: Logger;
  readonly order: QueueOrder;
  readonly retry: boolean;
  readonly maxRetries: number | null;
  readonly backoff: (attempt: number) => number;
  /** Milliseconds that `stop` waits for a server that does not answer. */
  readonly patience: number;
  readonly source: (events: SourceEvents) => MessageSource<R>;
  readonly declare: (queue: Queue) => Promise<void>;
  /** The consumer let go of the queue: temporary ones end here. */
  readonly released: (queue: Queue) => Promise<void>;
  readonly closed: (consumer: VirtualConsumer<R>) => void;
}

/**
 * Takes from a store what the prefetch limit has room for, hands it out in order, and gives back what was not settled.
 * One loop does all of it: open, take, wait, and start over after a lost connection.
 */
export class VirtualConsumer<R> implements Consumer, Settler<R> {
  readonly #parts: ConsumerParts<R>;
  readonly #options: ConsumeOptions;
  readonly #noAck: boolean;
  readonly #queues = new Map<string, Queue>();
  /** Those of the queues that the source knows over its present connection. */
  readonly #attached = new Set<string>();
  readonly #cycle: QueueCycle;
  readonly #source: MessageSource<R>;
  readonly #renewal: Renewal<R>;
  readonly #out = new AsyncQueue<VirtualDelivery<R>>();
  /** Taken and not settled (with noAck: not handed out), oldest first. */
  readonly #held = new Set<VirtualDelivery<R>>();
  /** Taken after `stop` was called, or void since the connection was lost: given back as soon as that is possible. */
  #orphans: Taken<R>[] = [];
  /** Released in this turn of the event loop, the first to be taken again last: they go back together. */
  #releasing: Taken<R>[] = [];
  #released: Promise<void> | undefined;
  readonly #wake = new Wake();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #prefetch: number;
  /** Most messages to hand out in all, and how many were, or are about to be. */
  #credit = Infinity;
  #counted = 0;
  #connected = false;
  /** Attempts in a row that led to nothing. */
  #failures = 0;
  #stopped: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: ConsumerParts<R>, queues: readonly Queue[], options: ConsumeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#noAck = options.noAck ?? false;
    this.#prefetch = options.prefetch ?? 0;
    this.#cycle = new QueueCycle(parts.order);
    for (const queue of queues) this.#queues.set(queue.name, queue);
    this.#source = parts.source({
      wake: () => this.#wake.ring(),
      lost: (error) => this.#lost(error),
    });
    this.#renewal = new Renewal(
      this.#source,
      () => Array.from(this.#held, (one) => one.taken),
      (error) => this.#say("more time for the messages in hand could not be had", error),
    );
    this.#running = this.#run();
  }

  setPrefetch(count: number): void {
    this.#prefetch = count;
    this.#wake.ring();
  }

  setCredit(total: number): void {
    this.#credit = total;
    this.#wake.ring();
  }

  async add(queue: Queue): Promise<void> {
    if (this.#stop.signal.aborted) throw this.#ended();
    this.#queues.set(queue.name, queue);
    try {
      if (this.#connected) await this.#attach(queue);
    } catch (error) {
      // A queue that cannot be had must not fail all others when the connection is made anew.
      if (!(error instanceof CeleryError && error.retriable)) this.#queues.delete(queue.name);
      throw error;
    }
    this.#wake.ring();
  }

  async cancel(name: string): Promise<void> {
    const queue = this.#queues.get(name);
    if (!queue) return;
    this.#queues.delete(name);
    this.#cycle.remove(name);
    // Begun before anything is waited for: the queue may be added again meanwhile.
    const detached = this.#attached.delete(name) ? this.#source.detach(queue) : undefined;
    const unread = this.#out.drain();
    const back: VirtualDelivery<R>[] = [];
    for (const one of unread)
      if (one.queue === name) back.push(one);
      else this.#out.push(one);
    this.#counted -= back.length;
    await Promise.all([this.#giveBack(back), detached]);
    if (!this.#queues.has(name)) await this.#parts.released(queue);
    this.#wake.ring();
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#doStop());
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#doClose());
  }

  /** Called by deliveries. */
  async settled(delivery: VirtualDelivery<R>, how: "ack" | "drop" | "requeue" | "release"): Promise<void> {
    if (!this.#held.delete(delivery)) return;
    if (how === "release") {
      this.#releasing.push(delivery.taken);
      await (this.#released ??= this.#release());
    } else if (how === "requeue") await this.#return([delivery.taken], "back");
    else this.#source.settle(delivery.taken, how);
    this.#wake.ring();
  }

  async #release(): Promise<void> {
    await Promise.resolve();
    const released = this.#releasing;
    this.#releasing = [];
    this.#released = undefined;
    await this.#return(released, "front");
  }

  /** Piece by piece, the last one first, since each goes before what is there: the loop is never held up for long. */
  async #return(taken: readonly Taken<R>[], to: GiveBackTo): Promise<void> {
    for (let end = taken.length; end > 0; end -= BATCH)
      try {
        await this.#source.giveBack(taken.slice(Math.max(0, end - BATCH), end), to);
      } catch (error) {
        this.#orphans = [...this.#orphans, ...taken.slice(0, end)];
        return this.#say(`${end} messages could not be put back`, error);
      }
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery> {
    return {
      next: () => {
        const next = this.#out.next();
        if (this.#out.size === 0) this.#wake.ring();
        return this.#noAck ? next.then((result) => this.#handOut(result)) : next;
      },
      return: async () => {
        await this.close();
        return { value: undefined, done: true };
      },
    };
  }

  #handOut(result: IteratorResult<VirtualDelivery<R>>): IteratorResult<VirtualDelivery<R>> {
    if (!result.done) this.#held.delete(result.value);
    return result;
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#open();
        await this.#pump();
        return;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        const error = this.#asFailure(thrown);
        this.#disconnected(error);
        const { retry, maxRetries, backoff } = this.#parts;
        const failures = ++this.#failures;
        if (!retry || !error.retriable || (maxRetries !== null && failures > maxRetries)) {
          this.#stop.abort();
          this.#out.fail(error);
          // Nobody calls `return` on an iteration that failed: nothing may stay open for want of it.
          void this.close();
          return;
        }
        const wait = backoff(failures);
        this.#parts.logger.warn(`consumer lost ${this.#parts.displayUrl}, next attempt in ${wait / 1000} s`, { error });
        await sleep(wait, this.#stop.signal).catch(() => undefined);
        if (this.#stop.signal.aborted) return;
      }
    }
  }

  async #open(): Promise<void> {
    this.#wake.clear();
    await this.#source.open(this.#stop.signal);
    this.#cycle.clear();
    for (const queue of this.#queues.values()) await this.#attach(queue);
    const orphans = this.#orphans;
    this.#orphans = [];
    try {
      await this.#source.giveBack(orphans, "front");
    } catch (error) {
      this.#orphans = [...orphans, ...this.#orphans];
      throw error;
    }
    this.#stop.signal.throwIfAborted();
    // What was added while messages were given back.
    for (const queue of this.#queues.values()) if (!this.#attached.has(queue.name)) await this.#attach(queue);
    this.#connected = true;
    if (!this.#noAck) this.#renewal.start();
    this.#call(this.#options.onConnected);
  }

  async #attach(queue: Queue): Promise<void> {
    await this.#parts.declare(queue);
    const isTaken = await this.#source.attach(queue);
    // It was cancelled meanwhile.
    if (!this.#queues.has(queue.name)) return this.#source.detach(queue);
    this.#attached.add(queue.name);
    if (isTaken) this.#cycle.add(queue.name);
  }

  async #pump(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const limit = Math.min(this.#room(), BATCH);
      if (limit <= 0) {
        await this.#wake.wait();
        continue;
      }
      this.#wake.reset();
      const taken = await this.#source.take(this.#cycle.queues, limit);
      this.#failures = 0;
      for (const one of taken) {
        this.#cycle.served(one.queue);
        this.#deliver(one);
      }
      if (this.#orphans.length > 0) await this.#giveBack([]);
      if (taken.length >= limit || this.#stop.signal.aborted) continue;
      if (!(await this.#source.arm(this.#cycle.queues))) await this.#wake.wait(this.#source.pollInterval);
    }
  }

  #room(): number {
    return Math.min(this.#credit - this.#counted, this.#unsettledRoom());
  }

  #unsettledRoom(): number {
    if (this.#noAck || this.#prefetch <= 0) return BATCH - this.#out.size;
    return this.#prefetch - this.#held.size;
  }

  #deliver(taken: Taken<R>): void {
    if (this.#stop.signal.aborted || !this.#queues.has(taken.queue)) {
      this.#orphans.push(taken);
      return;
    }
    let envelope;
    try {
      envelope = decodeEnvelope(taken.text);
    } catch (error) {
      this.#source.settle(taken, "drop");
      const decodeError =
        error instanceof DecodeError ? error : new DecodeError("unreadable message", { cause: error });
      const { onUndecodable } = this.#options;
      if (onUndecodable) this.#call(() => onUndecodable(decodeError, taken.queue));
      else
        this.#parts.logger.error(`a message in queue ${taken.queue} is not kombu's and was dropped`, {
          error: decodeError,
        });
      return;
    }
    const { message, deliveryTag, exchange, routingKey, priority, redelivered } = envelope;
    const delivery = new VirtualDelivery(
      this,
      taken,
      message,
      { exchange, routingKey, priority, redelivered },
      deliveryTag,
    );
    this.#held.add(delivery);
    this.#counted++;
    this.#out.push(delivery);
  }

  async #doStop(): Promise<void> {
    this.#stop.abort(this.#ended());
    this.#wake.ring();
    await this.#patiently(this.#running);
    const unread = this.#out.drain();
    this.#out.end();
    await this.#patiently(this.#giveBack(unread));
  }

  async #doClose(): Promise<void> {
    await this.stop();
    await this.#patiently(this.#giveBack([...this.#held]));
    // Once more, over a new connection, for what a broken one did not take.
    if (this.#orphans.length > 0) await this.#patiently(this.#giveBack([]));
    for (const queue of this.#queues.values())
      await this.#patiently(
        this.#parts.released(queue).catch((error: unknown) => this.#say(`queue ${queue.name} was left behind`, error)),
      );
    await this.#patiently(this.#renewal.stop());
    await this.#patiently(this.#source.close());
    this.#parts.closed(this);
  }

  /**
   * Waits, but not for ever: a server that went silent must not keep the program from ending. First the connection is
   * given up, so that the work fails; work that does not even do that is left alone.
   */
  async #patiently(work: Promise<void>): Promise<void> {
    const { patience } = this.#parts;
    const late = deferred<void>();
    let timer = after(patience, () => {
      this.#source.drop();
      timer = after(patience, () => late.resolve());
    });
    await Promise.race([work, late.promise]);
    timer.cancel();
  }

  async #giveBack(deliveries: readonly VirtualDelivery<R>[]): Promise<void> {
    for (const one of deliveries) this.#held.delete(one);
    const back = [...deliveries.map((one) => one.taken), ...this.#orphans];
    this.#orphans = [];
    if (back.length === 0) return;
    try {
      await this.#source.giveBack(back, "front");
    } catch (error) {
      this.#orphans = back;
      this.#say(`${back.length} messages could not be given back`, error);
    }
  }

  #lost(error: OperationalError): void {
    // While the loop runs it finds out by itself; afterwards only the deliveries in the hands of others matter.
    if (this.#stop.signal.aborted) this.#disconnected(error);
    else this.#wake.fail(error);
  }

  #disconnected(error: CeleryError): void {
    const was = this.#connected;
    this.#connected = false;
    this.#attached.clear();
    this.#counted -= this.#out.drain().length;
    for (const delivery of this.#held) this.#orphans.push(delivery.taken);
    this.#held.clear();
    const { onConnectionLost } = this.#options;
    if (was && onConnectionLost) this.#call(() => onConnectionLost(error));
  }

  #asFailure(thrown: unknown): CeleryError {
    if (thrown instanceof CeleryError) return thrown;
    return new OperationalError(`consuming from ${this.#parts.displayUrl} failed: ${String(thrown)}`, {
      cause: thrown,
      retriable: false,
    });
  }

  #ended(): OperationalError {
    return new OperationalError(`this consumer of ${this.#parts.displayUrl} has been stopped`, { retriable: false });
  }

  #call(callback: (() => void) | undefined): void {
    try {
      callback?.();
    } catch (error) {
      this.#say("a consumer callback threw", error);
    }
  }

  #say(what: string, error: unknown): void {
    this.#parts.logger.warn(`${what} (${this.#parts.displayUrl})`, { error });
  }
}
