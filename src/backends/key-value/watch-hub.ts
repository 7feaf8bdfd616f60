import { CeleryError, ContentDisallowed } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { isReady } from "../../protocol/result.js";
import type { Logger } from "../../util/logger.js";
import type { Documents } from "./documents.js";
import type { ChangeFeed, KeyValue } from "./key-value.js";
import type { RereadTiming } from "./reread-schedule.js";
import { RereadSchedule } from "./reread-schedule.js";
import { closedError } from "../closed.js";
import { Watcher } from "../watcher.js";

/** One awaited task, shared by all its watchers. Kept small: there may be tens of thousands. */
interface Entry {
  readonly key: string;
  readonly watchers: Watcher[];
  /** Counts the states seen, so that an answer older than what was pushed meanwhile is recognised. */
  version: number;
  /** The newest state, never a final one (the entry ends with that), and its bytes to recognise it again. */
  record: ResultRecord | null;
  bytes: Uint8Array | null;
  /** Reads in a row that found something unreadable. */
  torn: number;
  due: number;
  interval: number;
}

export interface HubOptions {
  readonly kv: Pick<KeyValue, "getMany" | "batch" | "follow" | "hints">;
  readonly documents: Pick<Documents, "prefixes" | "taskKey" | "decodeTask">;
  readonly logger: Logger;
  readonly timing: RereadTiming;
  /** A value may be seen half-written: something unreadable is read again this often before it counts as broken. */
  readonly tornReads: number;
}

/** How many values are asked for in one go, when the store does not say. */
const BATCH = 500;

/**
 * Everything that one backend waits for. A task is followed, then read, then kept up to date by the store's own
 * reports; it is also read again every so often, because a report can be lost without any error (Redis drops those
 * for a slow subscriber, proxies drop idle connections). Stores without reports live on the reading alone.
 */
export class WatchHub {
  readonly #options: HubOptions;
  readonly #feed: ChangeFeed | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #schedule: RereadSchedule<Entry>;
  readonly #idPrefix: string;
  #fresh: Entry[] = [];
  #hinted = new Set<string>();
  #offHints: (() => void) | undefined;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#idPrefix = options.documents.prefixes[0] ?? "";
    this.#feed = options.kv.follow?.({
      changed: (key, value) => this.#changed(key, value),
      resumed: () => void this.#refresh([...this.#entries.values()]),
      failed: (error) => this.#failAll(error),
    });
    this.#schedule = new RereadSchedule(options.timing, this.#entries, (due) => this.#read(due), {
      // Somebody who waits for a store without reports has nothing but this timer to keep the process alive.
      unref: this.#feed !== undefined,
      onOutage: (error) => this.#failAll(error),
      logger: options.logger,
    });
  }

  /** The tasks' states as they come; registered when the iteration starts. */
  watch(taskIds: readonly string[], signal: AbortSignal | undefined): AsyncIterable<ResultRecord> {
    return { [Symbol.asyncIterator]: () => this.#start(taskIds, signal) };
  }

  /** The key was just written by this process, or something hinted at it: no need to wait for the next look. */
  look(key: string): void {
    if (!this.#entries.has(key)) return;
    if (this.#hinted.size === 0) setImmediate(() => this.#lookAtHinted());
    this.#hinted.add(key);
  }

  /** Ends all waiting with this error. */
  close(error: CeleryError): void {
    this.#closed = true;
    this.#failAll(error);
  }

  #start(taskIds: readonly string[], signal: AbortSignal | undefined): AsyncIterator<ResultRecord> {
    const keys = [...new Set(taskIds)].map((id) => this.#options.documents.taskKey(id));
    const watcher = new Watcher(keys, signal, this.#leave);
    if (this.#closed) watcher.fail(closedError());
    if (watcher.active) for (const key of keys) this.#join(key, watcher);
    return watcher;
  }

  #join(key: string, watcher: Watcher): void {
    const known = this.#entries.get(key);
    if (known) {
      known.watchers.push(watcher);
      if (known.record) watcher.deliver(known.record, false);
      return;
    }
    const entry: Entry = {
      key,
      watchers: [watcher],
      version: 0,
      record: null,
      bytes: null,
      torn: 0,
      due: Infinity,
      interval: this.#options.timing.first,
    };
    this.#entries.set(key, entry);
    // Those who start waiting at the same time share one subscription and one read.
    if (this.#fresh.push(entry) === 1) setImmediate(() => void this.#admit());
    this.#offHints ??= this.#options.kv.hints?.((hinted) => this.look(hinted));
  }

  async #admit(): Promise<void> {
    const entries = this.#alive(this.#fresh);
    this.#fresh = [];
    if (entries.length === 0) return;
    try {
      await this.#feed?.follow(entries.map((entry) => entry.key));
      await this.#firstRead(entries);
      for (const entry of this.#alive(entries)) this.#schedule.add(entry);
    } catch (error) {
      for (const entry of this.#alive(entries)) this.#fail(entry, error);
    }
  }

  async #firstRead(entries: readonly Entry[]): Promise<void> {
    try {
      await this.#read(entries);
    } catch (error) {
      // The store was there a moment ago, and its reports go on or are taken up again: reading can wait for that.
      if (!this.#feed || !(error instanceof CeleryError) || !error.retriable) throw error;
      this.#options.logger.debug("awaited results could not be read; trying later", { error });
    }
  }

  /** Reads outside the schedule: what goes wrong here is tried again by it. */
  async #refresh(entries: readonly Entry[]): Promise<void> {
    try {
      await this.#read(entries);
    } catch (error) {
      this.#options.logger.debug("results could not be read again; trying later", { error });
    }
  }

  #lookAtHinted(): void {
    const entries = [...this.#hinted].map((key) => this.#entries.get(key)).filter((entry) => entry !== undefined);
    this.#hinted = new Set();
    void this.#refresh(entries);
  }

  async #read(entries: readonly Entry[]): Promise<void> {
    const { batch: size = BATCH } = this.#options.kv;
    for (let at = 0; at < entries.length; at += size) {
      const batch = this.#alive(entries.slice(at, at + size));
      if (batch.length === 0) continue;
      const versions = batch.map((entry) => entry.version);
      const values = await this.#options.kv.getMany(batch.map((entry) => entry.key));
      batch.forEach((entry, index) => {
        const value = values[index];
        if (value && this.#entries.get(entry.key) === entry) this.#see(entry, value, entry.version === versions[index]);
      });
    }
  }

  #changed(key: string, value: Uint8Array): void {
    const entry = this.#entries.get(key);
    if (entry) this.#see(entry, value, true);
  }

  /** `newest`: nothing was seen between asking for this value and getting it. */
  #see(entry: Entry, value: Uint8Array, newest: boolean): void {
    if (entry.bytes && equal(entry.bytes, value)) return;
    const record = this.#decode(entry, value);
    if (!record) return;
    if (isReady(record.status)) {
      this.#end(entry);
      for (const watcher of entry.watchers) watcher.deliver(record, true);
      return;
    }
    if (!newest) return;
    entry.version++;
    entry.record = record;
    entry.bytes = new Uint8Array(value);
    entry.interval = this.#options.timing.first;
    for (const watcher of entry.watchers) watcher.deliver(record, false);
  }

  #decode(entry: Entry, value: Uint8Array): ResultRecord | undefined {
    try {
      const record = this.#options.documents.decodeTask(value, entry.key.slice(this.#idPrefix.length));
      entry.torn = 0;
      return record;
    } catch (error) {
      if (++entry.torn > this.#options.tornReads || error instanceof ContentDisallowed) this.#fail(entry, error);
      else this.#schedule.soon(entry, tornPause(entry.torn));
      return undefined;
    }
  }

  /** One function for all watchers. */
  readonly #leave = (watcher: Watcher): void => {
    for (const key of watcher.keys) {
      const entry = this.#entries.get(key);
      const at = entry?.watchers.indexOf(watcher) ?? -1;
      if (!entry || at < 0) continue;
      entry.watchers.splice(at, 1);
      if (entry.watchers.length === 0) this.#end(entry);
    }
  };

  #end(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#feed?.unfollow([entry.key]);
    if (this.#entries.size > 0) return;
    this.#schedule.stop();
    this.#offHints?.();
    this.#offHints = undefined;
  }

  #fail(entry: Entry, error: unknown): void {
    for (const watcher of [...entry.watchers]) watcher.fail(error);
  }

  #failAll(error: unknown): void {
    for (const entry of [...this.#entries.values()]) this.#fail(entry, error);
  }

  #alive(entries: readonly Entry[]): Entry[] {
    return entries.filter((entry) => this.#entries.get(entry.key) === entry);
  }
}

/** Milliseconds before something unreadable is read again: a writer needs far less, a busy machine a little more. */
export const tornPause = (attempt: number): number => 5 * 2 ** attempt;

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
