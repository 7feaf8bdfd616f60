import { CeleryError, OperationalError } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { isReady } from "../../protocol/result.js";
import type { Logger } from "../../util/logger.js";
import type { Timer } from "../../util/time.js";
import { after, monotonic } from "../../util/time.js";
import { closedError } from "../closed.js";
import { Watcher } from "../watcher.js";
import type { Row } from "./dialect.js";

/** When rows are looked at again, in milliseconds. */
export interface PollTiming {
  /** After a change, and when waiting begins. */
  readonly first: number;
  /** How much longer the pause gets with every look that finds nothing new. */
  readonly factor: number;
  readonly max: number;
  /** How long looking may fail before waiting ends with the error. */
  readonly outage: number;
}

/** Quick at first, then Celery's half second and a little more. */
const TIMING: PollTiming = { first: 10, factor: 1.5, max: 700, outage: 20_000 };

/** A row as it was found; its record is made only when it is another than before. */
export interface Seen {
  readonly row: Row;
  readonly decode: () => ResultRecord;
}

export interface PollerOptions {
  /** The rows of these tasks that there are, all ids in one query (or few, when there are very many). */
  readonly read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Seen>>;
  readonly logger: Logger;
  readonly timing?: Partial<PollTiming>;
}

/** One awaited task, shared by all its watchers. Kept small: there may be tens of thousands. */
interface Entry {
  readonly id: string;
  readonly watchers: Watcher[];
  /** The newest state, never a final one: the entry ends with that. */
  row: Row | null;
  record: ResultRecord | null;
  /** Whether it was ever looked at: until then, a failing look fails its watchers. */
  known: boolean;
  due: number;
  interval: number;
}

/**
 * Everything that one backend waits for. All awaited tasks are looked at together, each at its own slowing pace:
 * whoever is due within half its pause is looked at early, when others are anyway, so that the number of queries
 * depends neither on the number of tasks nor on that of the watchers.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #timing: PollTiming;
  readonly #entries = new Map<string, Entry>();
  #timer: Timer | undefined;
  #wakeUp = Infinity;
  #looking = false;
  /** No look before this: a slow database is given twice the time that it took, up to the longest pause. */
  #rest = 0;
  #failingSince: number | undefined;
  #closed = false;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** The tasks' states as they come; registered when the iteration starts. */
  watch(ids: readonly string[], signal: AbortSignal | undefined): AsyncIterable<ResultRecord> {
    return { [Symbol.asyncIterator]: () => this.#start([...new Set(ids)], signal) };
  }

  /** The task was just written by this process: no need to wait for the next look. */
  look(id: string): void {
    const entry = this.#entries.get(id);
    if (entry) this.#soon(entry);
  }

  /** Ends all waiting with this error. */
  close(error: CeleryError): void {
    this.#closed = true;
    this.#failAll(error);
  }

  #start(ids: readonly string[], signal: AbortSignal | undefined): AsyncIterator<ResultRecord> {
    const watcher = new Watcher(ids, signal, this.#leave);
    if (this.#closed) watcher.fail(closedError());
    if (watcher.active) for (const id of ids) this.#join(id, watcher);
    return watcher;
  }

  #join(id: string, watcher: Watcher): void {
    const there = this.#entries.get(id);
    if (there) {
      there.watchers.push(watcher);
      if (there.record) watcher.deliver(there.record, false);
      return;
    }
    const interval = this.#timing.first;
    const entry: Entry = { id, watchers: [watcher], row: null, record: null, known: false, due: Infinity, interval };
    this.#entries.set(id, entry);
    this.#soon(entry);
  }

  #soon(entry: Entry): void {
    entry.due = monotonic();
    entry.interval = this.#timing.first;
    this.#arm(entry.due);
  }

  /** The timer holds the process open: whoever waits here has nothing else to be kept alive by. */
  #arm(due: number): void {
    if (due >= this.#wakeUp || this.#looking) return;
    this.#timer?.cancel();
    this.#wakeUp = due;
    const pause = Math.max(due, this.#rest) - monotonic();
    this.#timer = after(pause, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    this.#looking = true;
    this.#wakeUp = Infinity;
    const start = monotonic();
    const due = [...this.#entries.values()].filter((entry) => entry.due <= start + entry.interval / 2);
    for (const entry of due) {
      entry.due = Infinity;
      entry.interval = Math.min(entry.interval * this.#timing.factor, this.#timing.max);
    }
    await this.#look(due);
    const end = monotonic();
    this.#rest = end + Math.min(Math.max(2 * (end - start), this.#timing.first / 2), this.#timing.max);
    this.#looking = false;
    let next = Infinity;
    for (const entry of due) if (entry.due === Infinity) entry.due = end + entry.interval * (0.8 + 0.4 * Math.random());
    for (const entry of this.#entries.values()) next = Math.min(next, entry.due);
    if (next !== Infinity) this.#arm(next);
  }

  async #look(due: readonly Entry[]): Promise<void> {
    const alive = due.filter((entry) => this.#entries.get(entry.id) === entry);
    if (alive.length === 0) return;
    try {
      const rows = await this.#options.read(alive.map(({ id }) => id));
      this.#failingSince = undefined;
      for (const entry of alive) {
        entry.known = true;
        const seen = rows.get(entry.id);
        if (seen && this.#entries.get(entry.id) === entry) this.#see(entry, seen);
      }
    } catch (error) {
      this.#failed(alive, error);
    }
  }

  #see(entry: Entry, { row, decode }: Seen): void {
    if (entry.row && sameRow(entry.row, row)) return;
    let record: ResultRecord;
    try {
      record = decode();
    } catch (error) {
      return this.#fail(entry, error);
    }
    const last = isReady(record.status);
    if (last) this.#end(entry);
    entry.row = row;
    entry.record = record;
    entry.interval = this.#timing.first;
    for (const watcher of [...entry.watchers]) watcher.deliver(record, last);
  }

  #failed(entries: readonly Entry[], cause: unknown): void {
    const lasting = cause instanceof CeleryError && !cause.retriable;
    for (const entry of entries) if (lasting || !entry.known) this.#fail(entry, cause);
    if (this.#entries.size === 0) return;
    const now = monotonic();
    this.#failingSince ??= now;
    this.#options.logger.debug("awaited results could not be read; trying again", { error: cause });
    if (now - this.#failingSince < this.#timing.outage) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failAll(
      new OperationalError(`results could not be read for ${this.#timing.outage / 1000} s: ${reason}`, { cause }),
    );
  }

  /** One function for all watchers. */
  readonly #leave = (watcher: Watcher): void => {
    for (const id of watcher.keys) {
      const entry = this.#entries.get(id);
      const at = entry?.watchers.indexOf(watcher) ?? -1;
      if (!entry || at < 0) continue;
      entry.watchers.splice(at, 1);
      if (entry.watchers.length === 0) this.#end(entry);
    }
  };

  #end(entry: Entry): void {
    this.#entries.delete(entry.id);
    if (this.#entries.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakeUp = Infinity;
    this.#failingSince = undefined;
  }

  #fail(entry: Entry, error: unknown): void {
    for (const watcher of [...entry.watchers]) watcher.fail(error);
  }

  #failAll(error: unknown): void {
    for (const entry of [...this.#entries.values()]) this.#fail(entry, error);
  }
}

/** Whether nothing was written in between. */
function sameRow(one: Row, other: Row): boolean {
  return ["status", "result", "traceback", "date_done", "children"].every((name) => {
    const [a, b] = [one[name], other[name]];
    return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;
  });
}
