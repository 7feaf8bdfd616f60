import { parseRate } from "../client/rate.js";
import { Fifo } from "../util/fifo.js";
import { type Timer, after, monotonic } from "../util/time.js";
import type { Request } from "./request.js";

/** Limits set while the worker runs, by task name; null for none. */
export type ChangedRates = Map<string, number | null>;

/** Holds tasks back that have a rate limit (a token bucket for each, with room for one token, as in Celery). */
export class RateLimits {
  readonly #ready: (request: Request) => void;
  readonly #changed: ChangedRates;
  /** What the options of tasks say, read once. */
  readonly #own = new Map<string | number, number | null>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #byDefault: number | null;
  readonly #disabled: boolean;

  /** `changed` may hold limits from before, and is kept up to date. */
  constructor(
    options: {
      readonly byDefault: string | number | null;
      readonly disabled: boolean;
      readonly changed?: ChangedRates;
    },
    ready: (request: Request) => void,
  ) {
    this.#byDefault = parseRate(options.byDefault);
    this.#disabled = options.disabled;
    this.#changed = options.changed ?? new Map<string, number | null>();
    this.#ready = ready;
  }

  /** Hands the request on, now or when its task may run again. */
  pass(request: Request): void {
    const rate = this.#disabled ? null : this.#rateOf(request);
    if (rate === null && this.#buckets.size === 0) return this.#ready(request);
    const bucket = this.#buckets.get(request.name);
    if (rate === null && !bucket?.size) return this.#ready(request);
    this.#bucket(request.name, rate).add(request);
  }

  /** Changes the limit of a task, in runs a second, also for those that wait; null for none. */
  set(name: string, rate: number | null): void {
    this.#changed.set(name, rate);
    const bucket = this.#buckets.get(name);
    if (bucket) bucket.rate = rate;
  }

  /** Those that are held back. */
  *waiting(): Iterable<Request> {
    for (const bucket of this.#buckets.values()) yield* bucket.requests;
  }

  /** Takes them all out. */
  clear(): Request[] {
    return [...this.#buckets.values()].flatMap((bucket) => bucket.clear());
  }

  #rateOf({ name, definition }: Request): number | null {
    const changed = this.#changed.get(name);
    if (changed !== undefined) return changed;
    const { rateLimit } = definition.options;
    if (rateLimit === undefined || rateLimit === null) return this.#byDefault;
    let rate = this.#own.get(rateLimit);
    if (rate === undefined) this.#own.set(rateLimit, (rate = parseRate(rateLimit)));
    return rate;
  }

  #bucket(name: string, rate: number | null): Bucket {
    let bucket = this.#buckets.get(name);
    if (!bucket) this.#buckets.set(name, (bucket = new Bucket(rate, this.#ready)));
    return bucket;
  }
}

class Bucket {
  readonly #ready: (request: Request) => void;
  readonly #requests = new Fifo<Request>();
  #rate: number | null;
  #tokens = 1;
  #filledAt = monotonic();
  #timer: Timer | undefined;

  constructor(rate: number | null, ready: (request: Request) => void) {
    this.#rate = rate;
    this.#ready = ready;
  }

  get size(): number {
    return this.#requests.size;
  }

  get requests(): Iterable<Request> {
    return this.#requests;
  }

  /** Runs a second, or null for no limit. */
  set rate(rate: number | null) {
    // What has come together so far did so at the old rate.
    this.#fill();
    this.#rate = rate;
    this.#release();
  }

  add(request: Request): void {
    this.#requests.push(request);
    if (!this.#timer) this.#release();
  }

  clear(): Request[] {
    this.#timer?.cancel();
    this.#timer = undefined;
    return this.#requests.clear();
  }

  #release(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (this.#requests.size > 0 && this.#take()) this.#ready(this.#requests.shift()!);
    if (this.#requests.size > 0 && this.#rate !== null)
      this.#timer = after(((1 - this.#tokens) / this.#rate) * 1000, () => this.#release());
  }

  #take(): boolean {
    if (this.#rate === null) return true;
    this.#fill();
    // The clock is a float: a token that is whole but for the last digits is whole.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens = 0;
    return true;
  }

  #fill(): void {
    const time = monotonic();
    const rate = this.#rate ?? Infinity;
    if (time > this.#filledAt) this.#tokens = Math.min(1, this.#tokens + ((time - this.#filledAt) / 1000) * rate);
    this.#filledAt = time;
  }
}
