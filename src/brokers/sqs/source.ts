import { OperationalError } from "../../errors.js";
import type { CeleryError } from "../../errors.js";
import type { Queue } from "../../protocol/queue.js";
import { onAbort } from "../../util/abort.js";
import type { Logger } from "../../util/logger.js";
import type { GiveBackTo, MessageSource, Settled, SourceEvents, Taken } from "../virtual/store.js";
import { envelopeOf } from "./body.js";
import type { SqsMessage } from "./client.js";
import { Deletions } from "./deletions.js";
import { isMissingQueue } from "./failure.js";
import { Poller } from "./poller.js";
import type { Lane } from "./poller.js";
import { causeOf } from "./queues.js";
import type { Queues } from "./queues.js";
import type { SqsReceipt } from "./receipt.js";
import { reject } from "./rejected.js";
import type { SqsSettings } from "./settings.js";
import { hide, nextRenewal, renew } from "./visibility.js";

/** Seconds that messages are believed to be hidden when the queue may not be asked: SQS's own default, the safe side. */
const UNKNOWN_VISIBILITY = 30;
/** Milliseconds between two looks at what has to be renewed; each message knows its own time. */
const RENEWAL_TICK = 500;

/** What the source needs of its store. */
export interface SourceParts {
  readonly queues: Queues;
  readonly settings: SqsSettings;
  readonly logger: Logger;
  readonly displayUrl: string;
  /** Sends the text anew: messages that were deleted on receipt can only be given back like this. */
  readonly put: (queue: string, text: string) => Promise<void>;
  /** What was found out about queues may be wrong by now. */
  readonly forget: () => void;
}

/**
 * The reading side of one consumer. Long polls run in the background, for as many messages as the consumer last had
 * room for; `take` empties what has come. There is no connection that could be lost: a receipt is good from anywhere,
 * so a server that fails for a few seconds costs nothing. After that the connection counts as lost, as with others.
 */
export class SqsSource implements MessageSource<SqsReceipt> {
  /** Whatever comes rings the bell. */
  readonly pollInterval = Infinity;
  readonly renewInterval: number;
  readonly #parts: SourceParts;
  readonly #events: SourceEvents;
  readonly #noAck: boolean;
  readonly #poller: Poller;
  readonly #deletions: Deletions;
  #arrived: Taken<SqsReceipt>[] = [];
  #room = 0;
  #stopped = true;
  #renewal: Promise<void> = Promise.resolve();
  /** Rejections and returns under way. */
  readonly #work = new Set<Promise<void>>();
  #off: () => void = () => undefined;
  #abort = new AbortController();

  constructor(parts: SourceParts, events: SourceEvents, noAck: boolean) {
    const { settings, logger } = parts;
    this.#parts = parts;
    this.#events = events;
    this.#noAck = noAck;
    this.renewInterval = settings.extendVisibility ? RENEWAL_TICK : 0;
    this.#deletions = new Deletions(logger);
    this.#poller = new Poller(
      settings,
      {
        received: (lane, messages, receivedAt) => this.#received(lane, messages, receivedAt),
        ready: () => events.wake(),
        failed: (error, lane) => this.#failed(error, lane),
      },
      logger,
    );
  }

  open(signal: AbortSignal): Promise<void> {
    this.#poller.clear();
    this.#return(this.#arrived.splice(0));
    this.#stopped = false;
    this.#off();
    this.#off = onAbort(signal, () => this.#stop());
    return Promise.resolve();
  }

  async attach(queue: Queue): Promise<boolean> {
    const { queues, settings } = this.#parts;
    const address = await queues.ensure(queue.name);
    let facts;
    try {
      facts = await queues.facts(address, true);
    } catch (error) {
      // Its url was remembered, but it was deleted meanwhile: it is looked up, and created, once more.
      if (isMissingQueue(causeOf(error))) {
        this.#parts.forget();
        throw again(`queue ${queue.name} at ${this.#parts.displayUrl} has been deleted`, error);
      }
      throw error;
    }
    this.#poller.add(address, facts.visibility ?? settings.visibilityTimeout ?? UNKNOWN_VISIBILITY);
    return true;
  }

  async detach(queue: Queue): Promise<void> {
    const back = this.#arrived.filter((one) => one.queue === queue.name);
    this.#arrived = this.#arrived.filter((one) => one.queue !== queue.name);
    this.#return(back);
    // What the request under way brings goes back by itself.
    await this.#poller.remove(queue.name);
  }

  take(_queues: readonly string[], limit: number): Promise<readonly Taken<SqsReceipt>[]> {
    const taken = this.#arrived.splice(0, limit);
    if (this.#noAck) for (const { receipt } of taken) this.#deletions.add(receipt);
    this.#room = limit - taken.length;
    return Promise.resolve(taken);
  }

  arm(): Promise<boolean> {
    if (this.#arrived.length > 0) return Promise.resolve(true);
    this.#poller.fill(this.#room);
    return Promise.resolve(false);
  }

  settle(taken: Taken<SqsReceipt>, how: Settled): void {
    if (this.#noAck) return;
    taken.receipt.released = true;
    if (how === "ack") this.#deletions.add(taken.receipt);
    else this.#track(this.#reject(taken));
  }

  async giveBack(taken: readonly Taken<SqsReceipt>[], to: GiveBackTo): Promise<void> {
    if (taken.length === 0) return;
    if (this.#noAck) for (const { queue, text } of taken) await this.#parts.put(queue, text);
    else await this.#show(taken, to === "front" ? 0 : this.#parts.settings.waitTime);
  }

  renew(held: readonly Taken<SqsReceipt>[]): Promise<void> {
    return (this.#renewal = renew([...held, ...this.#arrived], this.#parts.logger, this.#abort.signal));
  }

  drop(): void {
    this.#poller.abort();
    this.#deletions.abort();
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  /** Waits for the requests under way: the messages that they bring are seen, and go back. */
  async close(): Promise<void> {
    this.#stop();
    this.#off();
    await this.#poller.ended();
    while (this.#work.size > 0) await Promise.all(this.#work);
    const left = await this.#deletions.drained();
    if (left > 0)
      this.#parts.logger.warn(`${left} acknowledged messages may come again from ${this.#parts.displayUrl}`);
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#poller.stop();
    this.#return(this.#arrived.splice(0));
  }

  #received(lane: Lane, messages: readonly SqsMessage[], receivedAt: number): void {
    const taken = messages.map((message) => this.#taken(lane, message, receivedAt));
    // The end of the request rings the bell.
    if (this.#stopped || !this.#poller.has(lane)) this.#return(taken);
    else this.#arrived.push(...taken);
  }

  #taken(lane: Lane, message: SqsMessage, receivedAt: number): Taken<SqsReceipt> {
    const { address, visibility } = lane;
    const { systemAttributes, messageAttributes } = this.#parts.settings;
    const count = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
    return {
      queue: address.name,
      text: envelopeOf(message, {
        queue: address.name,
        redelivered: count > 1,
        attributes: systemAttributes.length + messageAttributes.length > 0,
      }),
      receipt: {
        address,
        handle: message.ReceiptHandle ?? "",
        count,
        receivedAt,
        visibility,
        renewAt: nextRenewal(visibility, receivedAt),
        released: false,
      },
    };
  }

  /** Makes messages visible again in so many seconds: after the renewal under way, which would hide them for longer. */
  async #show(taken: readonly Taken<SqsReceipt>[], seconds: number): Promise<void> {
    const { signal } = this.#abort;
    for (const { receipt } of taken) receipt.released = true;
    await Promise.allSettled([this.#renewal]);
    await hide(taken, seconds, signal);
  }

  async #reject(taken: Taken<SqsReceipt>): Promise<void> {
    await Promise.allSettled([this.#renewal]);
    await reject(taken, this.#parts.queues, this.#deletions, this.#parts.logger);
  }

  /** Messages that nobody has seen yet become visible again. */
  #return(taken: readonly Taken<SqsReceipt>[]): void {
    if (taken.length === 0) return;
    this.#track(
      this.#show(taken, 0).catch((error: unknown) =>
        this.#parts.logger.warn(`${taken.length} messages could not be given back: they come again later`, { error }),
      ),
    );
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  #failed(error: CeleryError, lane: Lane): void {
    this.#parts.forget();
    const missing = isMissingQueue(causeOf(error));
    const { name } = lane.address;
    this.#events.lost(
      missing
        ? again(`queue ${name} at ${this.#parts.displayUrl} does not exist any more`, error)
        : error instanceof OperationalError
          ? error
          : new OperationalError(error.message, { cause: error, retriable: error.retriable }),
    );
  }
}

const again = (what: string, error: unknown): OperationalError =>
  new OperationalError(what, { cause: causeOf(error), retriable: true });
