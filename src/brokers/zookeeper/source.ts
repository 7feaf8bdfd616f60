import type { Queue } from "../../protocol/queue.js";
import { onAbort } from "../../util/abort.js";
import type { GiveBackTo, MessageSource, SourceEvents, Taken } from "../virtual/store.js";
import { NO_NODE, answerOf, zookeeperFailure } from "./failure.js";
import { giveBack } from "./give-back.js";
import type { Receipt } from "./give-back.js";
import { Link, ensureNode } from "./link.js";
import { Listing } from "./listing.js";
import type { Place } from "./place.js";
import type { Session } from "./session.js";

/** Messages read, and then removed, in one go. */
const AT_ONCE = 32;

/** A message that a listing named. */
interface Candidate {
  readonly queue: string;
  readonly path: string;
  readonly receipt: Receipt;
}

/**
 * The reading side of one consumer. To take a message is to remove its node: of all who try, one succeeds. From then on
 * it is in this process alone, until it is done or given back. An idle consumer has the server watch its queues.
 */
export class ZooKeeperSource implements MessageSource<Receipt> {
  readonly pollInterval: number;
  readonly #place: Place;
  readonly #events: SourceEvents;
  readonly #link: Link;
  readonly #listings = new Map<string, Listing>();
  /** Removed or not: the answer was lost with the connection. */
  #doubtful: Taken<Receipt>[] = [];
  /** One function, since the client keeps each different one that it is given. */
  readonly #changed = (): void => this.#events.wake();

  constructor(place: Place, events: SourceEvents) {
    this.pollInterval = place.settings.pollingInterval * 1000;
    this.#place = place;
    this.#events = events;
    this.#link = new Link(place.servers, place.session, (error) => events.lost(error));
  }

  async open(signal: AbortSignal): Promise<void> {
    this.drop();
    const off = onAbort(signal, () => this.drop());
    try {
      await this.#link.session();
      signal.throwIfAborted();
    } finally {
      off();
    }
    await this.giveBack([], "front");
  }

  async attach(queue: Queue): Promise<boolean> {
    const path = this.#place.paths.queue(queue.name);
    await this.#link.call(`making ${path} on`, (session) => ensureNode(session, path));
    return true;
  }

  async detach(queue: Queue): Promise<void> {
    this.#listings.delete(queue.name);
  }

  async take(queues: readonly string[], limit: number): Promise<readonly Taken<Receipt>[]> {
    const taken: Taken<Receipt>[] = [];
    try {
      const session = await this.#link.session();
      await this.#list(session, queues);
      while (taken.length < limit) {
        const candidates = this.#next(queues, Math.min(AT_ONCE, limit - taken.length));
        if (candidates.length === 0) break;
        await this.#win(session, candidates, taken);
      }
    } catch (error) {
      // What was won before the failure is in nobody else's hands: it is handed out, and the failure comes again.
      if (taken.length === 0) throw zookeeperFailure("taking from", this.#link.displayUrl, error);
    }
    return taken;
  }

  async arm(queues: readonly string[]): Promise<boolean> {
    await this.#link.call("watching", (session) => this.#list(session, queues, this.#changed));
    return queues.some((queue) => this.#listings.get(queue)?.isEmpty === false);
  }

  /** Who takes a message has removed it: there is nothing left to do. */
  settle(): void {}

  async giveBack(taken: readonly Taken<Receipt>[], to: GiveBackTo): Promise<void> {
    const doubtful = this.#doubtful;
    this.#doubtful = [];
    try {
      await this.#clearUp(doubtful);
      await this.#return(taken, to);
    } finally {
      this.#doubtful.push(...doubtful.filter(({ receipt }) => !receipt.isBack));
    }
  }

  drop(): void {
    this.#link.reset();
    this.#listings.clear();
  }

  async close(): Promise<void> {
    await this.giveBack([], "front").catch((error: unknown) =>
      this.#place.logger.warn(`${this.#doubtful.length} messages may be lost: they could not be given back`, { error }),
    );
    await this.#link.close();
  }

  /** Lists what is not listed or, with a watcher, all of it. */
  async #list(session: Session, queues: readonly string[], watcher?: () => void): Promise<void> {
    const listings = queues.map(async (queue) => {
      if (watcher === undefined && this.#listings.get(queue)?.isOver === false) return;
      this.#listings.set(queue, await Listing.of(session, this.#place.paths.queue(queue), watcher));
    });
    await Promise.all(listings);
  }

  /** One message of each queue in turn, so that no queue starves another. */
  #next(queues: readonly string[], most: number): Candidate[] {
    const candidates: Candidate[] = [];
    for (let found = true; found && candidates.length < most;) {
      found = false;
      for (const queue of queues) {
        const listing = this.#listings.get(queue);
        const name = candidates.length < most ? listing?.next() : undefined;
        if (listing === undefined || name === undefined) continue;
        found = true;
        const receipt = { name, incarnation: listing.incarnation, isBack: false };
        candidates.push({ queue, path: `${this.#place.paths.queue(queue)}/${name}`, receipt });
      }
    }
    return candidates;
  }

  /** Reads the candidates, then removes them; those that somebody else was faster with are left out. */
  async #win(session: Session, candidates: readonly Candidate[], taken: Taken<Receipt>[]): Promise<void> {
    const texts = await Promise.all(candidates.map(({ path }) => unlessGone(session.text(path))));
    const read = candidates.flatMap(({ queue, path, receipt }, index) => {
      const text = texts[index];
      if (text === undefined) this.#listings.get(queue)?.lost();
      return text === undefined ? [] : [{ path, one: { queue, text, receipt } }];
    });
    const removals = await Promise.allSettled(read.map(({ path }) => removed(session, path)));
    let failure: Error | undefined;
    for (const [index, outcome] of removals.entries()) {
      const one = read[index]?.one as Taken<Receipt>;
      if (outcome.status === "rejected") {
        failure ??= outcome.reason as Error;
        if (answerOf(outcome.reason) === undefined) this.#doubtful.push(one);
      } else if (outcome.value) taken.push(one);
      else this.#listings.get(one.queue)?.lost();
    }
    if (failure !== undefined) throw failure;
  }

  /**
   * Puts doubtful messages back rather than losing one. Those that are still there are removed first and get a new name:
   * the removal that was lost may be stuck somewhere, to be carried out later. Those that are gone were removed by that,
   * or by another consumer, who then has them too.
   */
  async #clearUp(doubtful: readonly Taken<Receipt>[]): Promise<void> {
    for (const one of doubtful) {
      const path = `${this.#place.paths.queue(one.queue)}/${one.receipt.name}`;
      const isOurs = await this.#link.call(`removing ${path} on`, (session) => removed(session, path));
      await this.#return([one], isOurs ? "back" : "front");
    }
  }

  async #return(taken: readonly Taken<Receipt>[], to: GiveBackTo): Promise<void> {
    for (const queue of new Set(taken.map((one) => one.queue))) {
      const path = this.#place.paths.queue(queue);
      const mine = taken.filter((one) => one.queue === queue);
      await this.#link.call(`giving back to ${path} on`, (session) =>
        giveBack(session, path, mine, to, this.#place.settings.maxBuffer),
      );
      // It may be the first one now.
      this.#listings.delete(queue);
    }
  }
}

/** Whether it was us who removed the node. */
const removed = async (session: Session, path: string): Promise<boolean> =>
  (await unlessGone(session.remove(path).then(() => true))) ?? false;

/** Undefined when the node is not there any more. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (answerOf(error) === NO_NODE) return undefined;
    throw error;
  }
}
