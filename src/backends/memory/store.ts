import { monotonic } from "../../util/time.js";
import type { ChangeListener, KeyValue } from "../key-value/key-value.js";

interface Value {
  readonly bytes: Uint8Array;
  readonly expires: number;
}

/** The values of one name, and who wants to hear of changes. */
export class MemoryStore {
  limit = Infinity;
  readonly #values = new Map<string, Value>();
  readonly #followers = new Map<string, Set<ChangeListener>>();

  /** One backend's view. Answers come asynchronously, as from any other store. */
  connect(): KeyValue {
    return {
      get: async (key) => this.#get(key),
      getMany: async (keys) => keys.map((key) => this.#get(key)),
      set: async (key, value, ttl) => this.#set(key, value, ttl),
      remove: async (key) => void this.#values.delete(key),
      follow: (listener) => ({
        follow: async (keys) => {
          for (const key of keys) {
            const listeners = this.#followers.get(key) ?? new Set();
            this.#followers.set(key, listeners.add(listener));
          }
        },
        unfollow: (keys) => {
          for (const key of keys) {
            const listeners = this.#followers.get(key);
            listeners?.delete(listener);
            if (listeners?.size === 0) this.#followers.delete(key);
          }
        },
      }),
      close: async () => undefined,
    };
  }

  #get(key: string): Uint8Array | null {
    const value = this.#values.get(key);
    if (!value) return null;
    if (value.expires > monotonic()) return value.bytes;
    this.#values.delete(key);
    return null;
  }

  #set(key: string, bytes: Uint8Array, ttl: number | null): void {
    // A Map keeps the order of insertion: deleting first makes this the newest.
    this.#values.delete(key);
    this.#values.set(key, { bytes, expires: ttl === null ? Infinity : monotonic() + ttl * 1000 });
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.limit) break;
      this.#values.delete(oldest);
    }
    for (const listener of [...(this.#followers.get(key) ?? [])]) listener.changed(key, bytes);
  }
}
