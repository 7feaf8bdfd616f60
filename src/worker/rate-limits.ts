import { type Timer, after, monotonic } from "../util/time.js";
import { parseRate } from "../client/rate.js";
import type { Request } from "./request.js";

/** Holds tasks back that have a rate limit (a token bucket for each, with room for one token, as in Celery). */
export class RateLimits {
  readonly #ready: (request: Request) => void;
  /** Limits set while the worker runs, by task name. */
  readonly #changed = new Map<string, number | null>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #byDefault: number | null;
  readonly #disabled: boolean;

  constructor(
    options: { readonly byDefault: string | number | null; readonly disabled: boolean },
    ready: (request: Request) => void,
  ) {
    this.#byDefault = parseRate(options.byDefault);
    this.#disabled = options.disabled;
    this.#ready = ready;
  }

  /** Hands the request on, now or when its task may run again. */
  pass(request: Request): void {
    const rate = this.#disabled ? null : this.#rateOf(request);
    const bucket = this.#buckets.get(request.name);
    if (rate === null && !bucket?.size) return this.#ready(request);
    this.#bucket(request.name, rate).add(request);
  }

  /** Changes the limit of a task. Throws `ImproperlyConfigured` for what is no rate. */
  set(name: string, limit: string | number | null): void {
    const rate = parseRate(limit);
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
    return rateLimit === undefined ? this.#byDefault : parseRate(rateLimit);
  }

  #bucket(name: string, rate: number | null): Bucket {
    let bucket = this.#buckets.get(name);
    if (!bucket) this.#buckets.set(name, (bucket = new Bucket(rate, this.#ready)));
    return bucket;
  }
}

class Bucket {
  readonly #ready: (request: Request) => void;
  #requests: Request[] = [];
  #rate: number | null;
  #tokens = 1;
  #filledAt = monotonic();
  #timer: Timer | undefined;

  constructor(rate: number | null, ready: (request: Request) => void) {
    this.#rate = rate;
    this.#ready = ready;
  }

  get size(): number {
    return this.#requests.length;
  }

  get requests(): readonly Request[] {
    return this.#requests;
  }

  /** Runs a second, or null for no limit. */
  set rate(rate: number | null) {
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
    return this.#requests.splice(0);
  }

  #release(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (this.#requests.length > 0 && this.#take()) this.#ready(this.#requests.shift()!);
    if (this.#requests.length > 0 && this.#rate !== null)
      this.#timer = after(((1 - this.#tokens) / this.#rate) * 1000, () => this.#release());
  }

  #take(): boolean {
    if (this.#rate === null) return true;
    const time = monotonic();
    // The clock is a float: a token that is whole but for the last digits is whole.
    this.#tokens = Math.min(1, this.#tokens + ((time - this.#filledAt) / 1000) * this.#rate);
    this.#filledAt = time;
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens = 0;
    return true;
  }
}
