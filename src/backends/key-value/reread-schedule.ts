import { OperationalError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import type { Timer } from "../../util/time.js";
import { after, monotonic } from "../../util/time.js";

/** When something awaited is read again, in milliseconds: first after `first`, then `factor` times later, at most `max`. */
export interface RereadTiming {
  readonly first: number;
  readonly factor: number;
  readonly max: number;
  /** Milliseconds of failing reads in a row after which waiting ends with the error; Infinity: never. */
  readonly outage: number;
}

export interface Rereadable {
  /** When to read it next, on the monotonic clock. */
  due: number;
  /** Milliseconds to wait after the next read. */
  interval: number;
}

interface ScheduleOptions {
  readonly unref: boolean;
  readonly onOutage: (error: OperationalError) => void;
  readonly logger: Logger;
}

/**
 * Reads entries again, each at its own slowing pace, many in one go: an entry is read up to `timing.first` early when
 * others are read anyway. One read is under way at a time.
 */
export class RereadSchedule<E extends Rereadable> {
  readonly #timing: RereadTiming;
  readonly #entries: ReadonlyMap<string, E>;
  readonly #read: (due: readonly E[]) => Promise<void>;
  readonly #options: ScheduleOptions;
  #timer: Timer | undefined;
  #wakeUp = Infinity;
  #reading = false;
  #failingSince: number | undefined;

  constructor(
    timing: RereadTiming,
    entries: ReadonlyMap<string, E>,
    read: (due: readonly E[]) => Promise<void>,
    options: ScheduleOptions,
  ) {
    this.#timing = timing;
    this.#entries = entries;
    this.#read = read;
    this.#options = options;
  }

  /** Includes a new entry, or one that changed. */
  add(entry: E): void {
    entry.interval = this.#timing.first;
    this.soon(entry, entry.interval);
  }

  /** The entry's next read is in so many milliseconds. */
  soon(entry: E, milliseconds: number): void {
    entry.due = monotonic() + milliseconds;
    this.#arm(entry.due);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakeUp = Infinity;
    this.#failingSince = undefined;
  }

  #arm(due: number): void {
    if (due >= this.#wakeUp || this.#reading) return;
    this.#timer?.cancel();
    this.#wakeUp = due;
    this.#timer = after(due - monotonic(), () => void this.#tick(), { unref: this.#options.unref });
  }

  async #tick(): Promise<void> {
    this.#reading = true;
    this.#wakeUp = Infinity;
    const limit = monotonic() + this.#timing.first;
    const due = [...this.#entries.values()].filter((entry) => entry.due <= limit);
    for (const entry of due) {
      entry.due = Infinity;
      entry.interval = Math.min(entry.interval * this.#timing.factor, this.#timing.max);
    }
    try {
      await this.#read(due);
      this.#failingSince = undefined;
    } catch (error) {
      this.#failed(error);
    }
    const now = monotonic();
    for (const entry of due) if (entry.due === Infinity) entry.due = now + entry.interval;
    this.#reading = false;
    let next = Infinity;
    for (const entry of this.#entries.values()) next = Math.min(next, entry.due);
    if (next !== Infinity) this.#arm(next);
  }

  #failed(cause: unknown): void {
    const now = monotonic();
    this.#failingSince ??= now;
    this.#options.logger.debug("awaited results could not be read; trying again", { error: cause });
    if (now - this.#failingSince < this.#timing.outage) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#options.onOutage(
      new OperationalError(`results could not be read for ${this.#timing.outage / 1000} s: ${reason}`, { cause }),
    );
  }
}
