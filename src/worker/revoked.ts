import { monotonic } from "../util/time.js";

/** Celery's limits (celery/worker/state.py): ids remembered, and seconds after which they may be forgotten. */
export const REVOKES_MAX = 50_000;
export const REVOKE_EXPIRES = 10_800;

export interface RevokedLimits {
  /** Ids remembered (`workerRevokesMax`); 0 for no limit. */
  readonly max: number;
  /** Seconds after which they may be forgotten (`workerRevokeExpires`); 0 for never. */
  readonly expires: number;
}

/** What a task is revoked by besides its id. */
export interface Stamped {
  readonly stampedHeaders: readonly string[] | null;
  readonly stamps: Readonly<Record<string, unknown>>;
}

/**
 * The revoked tasks (celery/utils/collections.py `LimitedSet`): the newest so many ids, of which the old ones are
 * forgotten when there are that many, and the values of stamps.
 */
export class RevokedTasks {
  readonly #limits: RevokedLimits;
  /** By id, the moment of the revocation by the clock that never jumps, oldest first. */
  readonly #ids = new Map<string, number>();
  /** By the name of a stamp, the values whose tasks are revoked. */
  readonly #stamps = new Map<string, Set<unknown>>();
  /** Called when an id was added that was not known. */
  onChange: (() => void) | undefined;

  constructor(limits: Partial<RevokedLimits> = {}) {
    this.#limits = { max: limits.max ?? REVOKES_MAX, expires: limits.expires ?? REVOKE_EXPIRES };
  }

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adding an id again makes it the newest. */
  add(id: string): void {
    const known = this.#ids.delete(id);
    this.#ids.set(id, monotonic());
    const { max } = this.#limits;
    if (max > 0 && this.#ids.size >= max) this.purge();
    if (!known) this.onChange?.();
  }

  /** Those of an earlier run, oldest first, with their ages in milliseconds. What is known here stays as it is. */
  merge(entries: Iterable<readonly [id: string, age: number]>): void {
    const time = monotonic();
    const all = new Map([...entries].map(([id, age]) => [id, time - Math.max(0, age)] as const));
    for (const [id, at] of this.#ids) all.set(id, at);
    this.#ids.clear();
    for (const [id, at] of [...all].sort(([, a], [, b]) => a - b)) this.#ids.set(id, at);
    this.purge();
  }

  /** The ids, oldest first. */
  ids(): string[] {
    return [...this.#ids.keys()];
  }

  /** The ids, oldest first, with their ages in milliseconds. */
  *ages(): Iterable<readonly [id: string, age: number]> {
    const time = monotonic();
    for (const [id, at] of this.#ids) yield [id, time - at];
  }

  /** Drops the oldest beyond the limit, and those that are too old. */
  purge(): void {
    const { max, expires } = this.#limits;
    const oldest = expires > 0 ? monotonic() - expires * 1000 : -Infinity;
    for (const [id, at] of this.#ids) {
      if (at > oldest && (max === 0 || this.#ids.size <= max)) return;
      this.#ids.delete(id);
    }
  }

  /** All tasks with one of these values under this stamp. */
  addStamp(name: string, values: readonly unknown[]): void {
    let known = this.#stamps.get(name);
    if (!known) this.#stamps.set(name, (known = new Set()));
    for (const value of values) {
      known.add(comparable(value));
      const { max } = this.#limits;
      if (max > 0 && known.size > max) known.delete(known.values().next().value);
    }
  }

  /** Whether a task with these stamps is revoked by one of them. */
  hasStamp({ stampedHeaders, stamps }: Stamped): boolean {
    if (this.#stamps.size === 0 || !stampedHeaders) return false;
    return stampedHeaders.some((name) => {
      const revoked = this.#stamps.get(name);
      return revoked !== undefined && stampValues(stamps[name]).some((value) => revoked.has(comparable(value)));
    });
  }
}

/** A stamp is one value or a list of them; none is no value. */
export const stampValues = (stamp: unknown): readonly unknown[] =>
  stamp === undefined || stamp === null ? [] : Array.isArray(stamp) ? (stamp as unknown[]) : [stamp];

/** Values that Python finds equal are the same here: lists and objects by what is in them, 1.0 as 1. */
function comparable(value: unknown): unknown {
  if (value instanceof Number) return Number(value);
  return typeof value === "object" && value !== null ? JSON.stringify(value, bigAsText) : value;
}

/** JSON has no place for what Python's big integers are here; no other value is written so. */
const bigAsText = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `\u0000${value}` : value);

/** The values of a stamp that are among the given ones. */
export function matchingStamps(stamp: unknown, wanted: unknown): unknown[] {
  const values = new Set(stampValues(wanted).map(comparable));
  return stampValues(stamp).filter((value) => values.has(comparable(value)));
}
