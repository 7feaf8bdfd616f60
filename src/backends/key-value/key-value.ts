import type { CeleryError } from "../../errors.js";

/**
 * What a store has to offer to carry Celery's results: bytes under text keys. Everything Celery means by them (which
 * keys, which documents, what may be overwritten, how waiting works) is `keyValueBackend`'s business.
 *
 * Methods reject with `OperationalError` when the store cannot be reached.
 */
export interface KeyValue {
  get(key: string): Promise<Uint8Array | null>;
  /** One answer per key, in their order, in as few round trips as the store allows; at most `batch` keys. */
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]>;
  /** Most keys of one `getMany`; default 500. */
  readonly batch?: number;
  /** Replaces the value and tells followers. `ttl` is in whole seconds, at least 1; null keeps the value for ever. */
  set(key: string, value: Uint8Array, ttl: number | null): Promise<void>;
  /**
   * Where it can be done in one step: `set` when nothing is there yet, resolving to null; else changes nothing and
   * resolves to what is there. Most results are the first state of their task.
   */
  add?(key: string, value: Uint8Array, ttl: number | null): Promise<Uint8Array | null>;
  remove(key: string): Promise<void>;
  /** Makes a write again while the store is away for a moment; the default is one attempt. */
  persist?<T>(write: () => Promise<T>): Promise<T>;
  /** Push stores only: reports changes of keys. Called once, before the first watcher. */
  follow?(listener: ChangeListener): ChangeFeed;
  /** Poll stores only: calls `onHint` with keys that may have changed, until the returned function is called. */
  hints?(onHint: (key: string) => void): () => void;
  /** Stores that keep values for ever: removes those under these key prefixes not written for `maxAge` seconds. */
  cleanup?(prefixes: readonly string[], maxAge: number): Promise<void>;
  close(): Promise<void>;
}

/** The keys that a push store reports. All followers of a backend share one. */
export interface ChangeFeed {
  /** Resolves when every later change of these keys will be reported. A key is followed once at a time. */
  follow(keys: readonly string[]): Promise<void>;
  unfollow(keys: readonly string[]): void;
}

export interface ChangeListener {
  /** A key has this new value. */
  changed(key: string, value: Uint8Array): void;
  /** Changes may have been missed (the connection was replaced): whatever is followed has to be read again. */
  resumed(): void;
  /** The store could not be reached again: nothing is followed any more. */
  failed(error: CeleryError): void;
}
