import { monotonic } from "../../util/time.js";
import { NO_NODE, answerOf } from "./failure.js";
import { ensureNode } from "./link.js";
import { isEntry, prefixOf } from "./recipe.js";
import type { Session } from "./session.js";

/** A listing is used for so many times the time that it took, but not for longer than a second. */
const USED_FOR = 10;
const LEAST_MS = 50;
const MOST_MS = 1000;
/** Among how many of the first messages consumers spread that get into each other's way. */
const SPREAD = 32;

/**
 * The messages of one queue, first one first, as they were a moment ago. Listing is the dear part of taking from a long
 * queue, so one serves for many messages; yet a new message of a higher priority is not seen before the next one.
 */
export class Listing {
  /** Tells this queue node from an earlier one of the same path. */
  readonly incarnation: string;
  readonly #names: string[];
  readonly #until: number;
  #at = 0;
  #contended = false;

  private constructor(names: string[], incarnation: string, until: number) {
    this.#names = names;
    this.incarnation = incarnation;
    this.#until = until;
  }

  /** Asks the server; makes the queue when it is not there. The watcher is called once, with the next change. */
  static async of(session: Session, path: string, watcher?: () => void): Promise<Listing> {
    const start = monotonic();
    let found;
    try {
      found = await session.children(path, watcher);
    } catch (error) {
      if (answerOf(error) !== NO_NODE) throw error;
      await ensureNode(session, path);
      found = await session.children(path, watcher);
    }
    const { names, stat } = found;
    const entries = names.filter(isEntry).sort();
    const now = monotonic();
    const use = Math.min(MOST_MS, Math.max(LEAST_MS, (now - start) * USED_FOR));
    return new Listing(entries, stat.czxid.toString("hex"), now + use);
  }

  get isEmpty(): boolean {
    return this.#at >= this.#names.length;
  }

  /** Too old, or used up. */
  get isOver(): boolean {
    return this.isEmpty || monotonic() > this.#until;
  }

  /** The first that was not given out yet; with rivals, one of the first of its priority. */
  next(): string | undefined {
    const at = this.#at++;
    const first = this.#names[at];
    if (!this.#contended || first === undefined) return first;
    const other = at + Math.floor(Math.random() * SPREAD);
    const name = this.#names[other];
    if (name === undefined || prefixOf(name) !== prefixOf(first)) return first;
    this.#names[other] = first;
    return name;
  }

  /** Somebody else takes from the head of this queue too: further on, both win more often than they lose. */
  lost(): void {
    this.#contended = true;
  }
}
