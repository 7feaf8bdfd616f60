import type { CeleryError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import type { Link } from "../../util/redis/link.js";
import type { RedisSession } from "../../util/redis/session.js";
import type { ChangeFeed, ChangeListener } from "../key-value/key-value.js";
import type { RetryPolicy } from "../retry-policy.js";
import { again, retrying } from "../retry-policy.js";

/** Channels named in one SUBSCRIBE. */
const BATCH = 1000;

interface SubscriberOptions {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * The changes of result keys, told by Redis on the channel named like the key: exactly the awaited ones, so that
 * nobody else's results travel here. After a lost connection everything is subscribed again, then `resumed`.
 */
export class Subscriber implements ChangeFeed {
  readonly #link: Link;
  readonly #listener: ChangeListener;
  readonly #options: SubscriberOptions;
  readonly #channels = new Set<string>();
  /** Channels not wanted any more, which the server may still have. */
  readonly #dropped = new Set<string>();
  #recovering = false;

  constructor(link: Link, listener: ChangeListener, options: SubscriberOptions) {
    this.#link = link;
    this.#listener = listener;
    this.#options = options;
  }

  async follow(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#channels.add(key);
    try {
      await again(() => this.#subscribe(keys));
    } catch (error) {
      for (const key of keys) this.#channels.delete(key);
      throw error;
    }
  }

  unfollow(keys: readonly string[]): void {
    for (const key of keys) {
      if (!this.#channels.delete(key)) continue;
      this.#dropped.add(key);
      // Results that arrive together are unsubscribed together.
      if (this.#dropped.size === 1) setImmediate(() => void this.#unsubscribe());
    }
  }

  /** The connection ended by itself. */
  lost(): void {
    if (this.#channels.size > 0 && !this.#recovering) void this.#recover();
  }

  close(): void {
    this.#channels.clear();
  }

  async #unsubscribe(): Promise<void> {
    const channels = [...this.#dropped];
    this.#dropped.clear();
    // Without a session there is nothing to undo: a new one subscribes to what is wanted then.
    if (channels.length === 0 || !this.#link.connected) return;
    try {
      const session = await this.#link.session();
      for (const batch of batches(channels)) {
        const unwanted = batch.filter((channel) => !this.#channels.has(channel));
        if (unwanted.length > 0) await session.unsubscribe(unwanted);
      }
    } catch (error) {
      this.#options.logger.debug("results could not be unsubscribed", { error });
    }
  }

  async #recover(): Promise<void> {
    const { policy, signal, logger } = this.#options;
    this.#recovering = true;
    try {
      await retrying(
        policy,
        signal,
        () => this.#subscribe([...this.#channels]),
        (error, retry) => logger.warn("the connection for results was lost; trying again", { error, retry }),
      );
      this.#recovering = false;
      this.#listener.resumed();
    } catch (error) {
      this.#recovering = false;
      this.#listener.failed(error as CeleryError);
    }
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    const session: RedisSession = await this.#link.session();
    try {
      for (const batch of batches(channels)) await session.subscribe(batch);
    } catch (error) {
      throw this.#link.failed(session, "subscribing to results on", error);
    }
  }
}

function batches(channels: readonly string[]): string[][] {
  const result: string[][] = [];
  for (let at = 0; at < channels.length; at += BATCH) result.push(channels.slice(at, at + BATCH));
  return result;
}
