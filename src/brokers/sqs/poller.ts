import type { CeleryError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { after, monotonic } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import { BATCH } from "./client.js";
import type { SqsMessage } from "./client.js";
import { causeOf } from "./queues.js";
import { isMissingQueue } from "./failure.js";
import type { QueueAddress } from "./queues.js";

/** Milliseconds for which a server may fail without the connection counting as lost: receipts outlive that. */
const GRACE = 5000;
/** Milliseconds between two requests after a failure: doubled from the first to the last. */
const FIRST_PAUSE = 100;
const LAST_PAUSE = 2000;
/** Seconds that a request waits for a message when other queues need its place. */
const SHORT_WAIT = 1;
/** Least milliseconds between two requests for an empty queue, should a server not wait as it was asked to. */
const LEAST_PAUSE = 20;

/** One queue that is asked for messages. */
export interface Lane {
  readonly address: QueueAddress;
  /** Seconds that a received message is hidden. */
  readonly visibility: number;
  /** The request under way, and for how many messages it asks. */
  running: Promise<void> | undefined;
  asked: number;
  /** The last request brought nothing. */
  cold: boolean;
  /** Counts the requests of all queues: who waited longest is asked first. */
  turn: number;
  pause: Timer | undefined;
  failures: number;
  failingSince: number;
}

export interface PollerEvents {
  /** Messages that have just come; `receivedAt` is the moment from which they are certainly hidden. */
  received(lane: Lane, messages: readonly SqsMessage[], receivedAt: number): void;
  /** A queue may be asked again: `fill` tells for how much there is room by now. */
  ready(): void;
  /** Retriable: the server is away, or the queue. Else it does not want us. */
  failed(error: CeleryError, lane: Lane): void;
}

export interface PollerSettings {
  /** Seconds. */
  readonly waitTime: number;
  /** Milliseconds. */
  readonly pollingInterval: number;
  readonly systemAttributes: readonly string[];
  readonly messageAttributes: readonly string[];
}

/**
 * Asks the queues of one consumer for messages, each with one long poll at a time, and never for more than there is
 * room for: what is asked for but has not come takes room too. A queue that was empty asks for one message as long as
 * room is scarce, so that it does not keep others from theirs. With less room than queues they take turns, and a turn
 * ends after a second.
 */
export class Poller {
  readonly #settings: PollerSettings;
  readonly #events: PollerEvents;
  readonly #logger: Logger;
  readonly #lanes = new Set<Lane>();
  #turns = 0;
  /** Requests in a row, of whichever queue, that brought nothing. */
  #quiet = 0;
  #stopped = false;
  /** Requests of all queues, also of forgotten ones, that have not ended. */
  readonly #requests = new Set<Promise<void>>();
  #abort = new AbortController();

  constructor(settings: PollerSettings, events: PollerEvents, logger: Logger) {
    this.#settings = settings;
    this.#events = events;
    this.#logger = logger;
  }

  /** Adding a queue again changes nothing: it has one request at a time. */
  add(address: QueueAddress, visibility: number): void {
    for (const lane of this.#lanes) if (lane.address.name === address.name) return;
    this.#lanes.add({
      address,
      visibility,
      running: undefined,
      asked: 0,
      cold: false,
      turn: 0,
      pause: undefined,
      failures: 0,
      failingSince: 0,
    });
  }

  has(lane: Lane): boolean {
    return this.#lanes.has(lane);
  }

  /** Asks no more for this queue; resolves when the request under way has ended. */
  async remove(queue: string): Promise<void> {
    // Not one that is added while the request of this one ends.
    const lane = [...this.#lanes].find(({ address }) => address.name === queue);
    if (!lane) return;
    this.#retire(lane);
    await lane.running;
  }

  /** Forgets all queues; requests under way still bring what they bring. */
  clear(): void {
    for (const lane of this.#lanes) this.#retire(lane);
    this.#quiet = 0;
    this.#stopped = false;
  }

  /** Asks for at most so many messages, all queues and what they were asked for before together. */
  fill(room: number): void {
    if (this.#stopped) return;
    const idle = [...this.#lanes].filter((lane) => !lane.running && !lane.pause).sort((a, b) => a.turn - b.turn);
    let spare = room;
    for (const lane of this.#lanes) spare -= lane.asked;
    const crowded = room < this.#lanes.size;
    const scarce = spare < BATCH * idle.length;
    let cold = scarce ? idle.filter((lane) => lane.cold).length : 0;
    let left = idle.length;
    for (const lane of idle) {
      if (spare <= 0) return;
      const modest = scarce && lane.cold && idle.length > 1;
      const share = modest ? 1 : Math.max(1, Math.floor((spare - (modest ? 0 : cold)) / Math.max(1, left - cold)));
      const count = Math.min(BATCH, share, spare);
      if (modest) cold--;
      left--;
      spare -= count;
      this.#ask(lane, count, crowded ? this.#shortWait() : this.#settings.waitTime);
    }
  }

  /** Asks for nothing more. */
  stop(): void {
    this.#stopped = true;
    for (const lane of this.#lanes) {
      lane.pause?.cancel();
      lane.pause = undefined;
    }
  }

  async ended(): Promise<void> {
    await Promise.all(this.#requests);
  }

  /** Gives up the requests under way: what they were about to bring stays hidden for its time. */
  abort(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  #retire(lane: Lane): void {
    this.#lanes.delete(lane);
    lane.pause?.cancel();
    lane.pause = undefined;
  }

  /** While messages come from other queues, an empty one is only looked at. */
  #shortWait(): number {
    return this.#quiet < this.#lanes.size ? 0 : Math.min(SHORT_WAIT, this.#settings.waitTime);
  }

  #ask(lane: Lane, count: number, wait: number): void {
    lane.asked = count;
    lane.turn = ++this.#turns;
    const request = this.#request(lane, count, wait, this.#abort.signal).finally(() => {
      lane.running = undefined;
      lane.asked = 0;
      this.#requests.delete(request);
      if (this.#lanes.has(lane) && !lane.pause) this.#events.ready();
    });
    lane.running = request;
    this.#requests.add(request);
  }

  async #request(lane: Lane, count: number, wait: number, signal: AbortSignal): Promise<void> {
    const { systemAttributes, messageAttributes } = this.#settings;
    const { address } = lane;
    const begun = monotonic();
    let messages: SqsMessage[];
    try {
      messages = await address.client.receive(
        {
          QueueUrl: address.url,
          MaxNumberOfMessages: count,
          WaitTimeSeconds: wait,
          MessageSystemAttributeNames: systemNames(systemAttributes),
          ...(messageAttributes.length > 0 && { MessageAttributeNames: [...messageAttributes] }),
        },
        address.name,
        signal,
      );
    } catch (error) {
      if (!signal.aborted) this.#failed(lane, error as CeleryError);
      return;
    }
    lane.failures = 0;
    if (messages.length > 0) {
      lane.cold = false;
      this.#quiet = 0;
      this.#events.received(lane, messages, monotonic());
      return;
    }
    lane.cold = true;
    this.#quiet++;
    const took = monotonic() - begun;
    const { pollingInterval } = this.#settings;
    if (wait === 0 && this.#lanes.size > 1 && this.#quiet <= this.#lanes.size) return;
    const pause = Math.max(pollingInterval, took < LEAST_PAUSE ? LEAST_PAUSE : 0);
    if (pause > 0) this.#rest(lane, pause);
  }

  #failed(lane: Lane, error: CeleryError): void {
    if (!this.#lanes.has(lane) || this.#stopped) return;
    if (lane.failures++ === 0) lane.failingSince = monotonic();
    const missing = isMissingQueue(causeOf(error));
    if (missing || !error.retriable || monotonic() - lane.failingSince >= GRACE) {
      this.#retire(lane);
      this.#events.failed(error, lane);
      return;
    }
    if (lane.failures === 1) this.#logger.warn(`queue ${lane.address.name} is asked again soon`, { error });
    this.#rest(lane, Math.min(LAST_PAUSE, FIRST_PAUSE * 2 ** (lane.failures - 1)));
  }

  #rest(lane: Lane, milliseconds: number): void {
    if (this.#stopped || !this.#lanes.has(lane)) return;
    lane.pause = after(milliseconds, () => {
      lane.pause = undefined;
      this.#events.ready();
    });
  }
}

type SystemNames = NonNullable<Parameters<QueueAddress["client"]["receive"]>[0]["MessageSystemAttributeNames"]>;

/** How often a message was received is always asked for. */
const systemNames = (names: readonly string[]): SystemNames =>
  (names.includes("All") ? ["All"] : [...new Set([...names, "ApproximateReceiveCount"])]) as SystemNames;
