import { now } from "../util/time.js";

/** Celery's limits (celery/worker/state.py): ids remembered, and seconds after which they may be forgotten. */
export const REVOKES_MAX = 50_000;
export const REVOKE_EXPIRES = 10_800;

/** The ids of revoked tasks, the newest so many of them. */
export class RevokedTasks {
  /** By id, the moment of the revocation in milliseconds, oldest first. */
  readonly #ids = new Map<string, number>();
  /** By the name of a stamp, the values whose tasks are revoked. */
  readonly #stamps = new Map<string, unknown[]>();

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string, at = now()): void {
    this.#ids.delete(id);
    this.#ids.set(id, at);
    if (this.#ids.size > REVOKES_MAX) this.#purge();
  }

  /** The ids, oldest first. */
  ids(): string[] {
    return [...this.#ids.keys()];
  }

  /** All tasks with one of these values under this stamp. */
  addStamp(name: string, values: readonly unknown[]): void {
    this.#stamps.set(name, [...(this.#stamps.get(name) ?? []), ...values]);
  }

  get stamps(): ReadonlyMap<string, readonly unknown[]> {
    return this.#stamps;
  }

  /** Whether a task with these stamps is revoked by one of them. */
  hasStamp(task: {
    readonly stampedHeaders: readonly string[] | null;
    readonly stamps: Readonly<Record<string, unknown>>;
  }): boolean {
    if (this.#stamps.size === 0) return false;
    return (task.stampedHeaders ?? []).some((name) => {
      const revoked = this.#stamps.get(name);
      return revoked !== undefined && [task.stamps[name]].flat().some((value) => revoked.includes(value));
    });
  }

  /** Drops those that are too old, then the oldest. */
  #purge(): void {
    const oldest = now() - REVOKE_EXPIRES * 1000;
    for (const [id, at] of this.#ids) {
      if (at > oldest && this.#ids.size <= REVOKES_MAX) return;
      this.#ids.delete(id);
    }
  }
}
