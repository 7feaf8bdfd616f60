import type { Logger } from "../../util/logger.js";
import type { Timer } from "../../util/time.js";
import { after, every } from "../../util/time.js";
import type { ChangeFeed, ChangeListener } from "../key-value/key-value.js";
import type { Connection } from "./connection.js";
import { redisError } from "./errors.js";
import type { RetryPolicy } from "../retry-policy.js";
import { again, retrying } from "../retry-policy.js";
import type { RedisSession } from "./session.js";

/** Channels named in one SUBSCRIBE. */
const BATCH = 1000;

interface SubscriberOptions {
  readonly displayUrl: string;
  readonly policy: RetryPolicy;
  /** Milliseconds between signs of life; 0 for none. */
  readonly healthCheck: number;
  readonly signal: AbortSignal;
  /** The server gave no sign of life: other connections to it may be as dead. */
  readonly onSilence: () => void;
  readonly logger: Logger;
}

/**
 * The changes of result keys, told by Redis on the channel named like the key: exactly the awaited ones, so that
 * nobody else's results travel here. After a lost connection everything is subscribed again, then `resumed`.
 */
export class Subscriber implements ChangeFeed {
  readonly #connection: Connection;
  readonly #listener: ChangeListener;
  readonly #options: SubscriberOptions;
  readonly #channels = new Set<string>();
  /** Channels not wanted any more, which the server may still have. */
  readonly #dropped = new Set<string>();
  #recovering = false;
  #pulse: Timer | undefined;
  #grace: Timer | undefined;

  constructor(connection: Connection, listener: ChangeListener, options: SubscriberOptions) {
    this.#connection = connection;
    this.#listener = listener;
    this.#options = options;
  }

  async follow(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#channels.add(key);
    try {
      await again(async () => subscribe(await this.#connection.session(), keys));
    } catch (error) {
      for (const key of keys) this.#channels.delete(key);
      throw redisError(error, "subscribing to results", this.#options.displayUrl);
    }
    this.#startPulse();
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
    this.#stopPulse();
    if (this.#channels.size > 0 && !this.#recovering) void this.#recover();
  }

  close(): void {
    this.#stopPulse();
    this.#channels.clear();
  }

  async #unsubscribe(): Promise<void> {
    const channels = [...this.#dropped];
    this.#dropped.clear();
    // Without a session there is nothing to undo: a new one subscribes to what is wanted then.
    if (channels.length === 0 || !this.#connection.connected) return;
    try {
      const session = await this.#connection.session();
      for (const batch of batches(channels)) {
        const unwanted = batch.filter((channel) => !this.#channels.has(channel));
        if (unwanted.length > 0) await session.unsubscribe(unwanted);
      }
    } catch (error) {
      this.#options.logger.debug("results could not be unsubscribed", { error });
    }
  }

  async #recover(): Promise<void> {
    const { policy, signal, logger, displayUrl } = this.#options;
    this.#recovering = true;
    try {
      await retrying(
        policy,
        signal,
        async () => {
          try {
            await subscribe(await this.#connection.session(), [...this.#channels]);
          } catch (error) {
            throw redisError(error, "subscribing to results again", displayUrl);
          }
        },
        (error, retry) => logger.warn("the connection for results was lost; trying again", { error, retry }),
      );
      this.#recovering = false;
      this.#startPulse();
      this.#listener.resumed();
    } catch (error) {
      this.#recovering = false;
      this.#listener.failed(redisError(error, "subscribing to results again", displayUrl));
    }
  }

  /** A connection that only listens cannot tell a quiet server from a dead one: it has to ask. */
  async #check(): Promise<void> {
    if (!this.#connection.connected || this.#channels.size === 0) return;
    this.#grace ??= after(this.#options.healthCheck, () => this.#silent(), { unref: true });
    try {
      await (await this.#connection.session()).ping();
    } catch (error) {
      this.#options.logger.debug("the connection for results did not answer", { error });
    }
    this.#grace?.cancel();
    this.#grace = undefined;
  }

  #silent(): void {
    this.#options.logger.warn("the connection for results is silent: connecting anew");
    this.#options.onSilence();
    this.#connection.drop();
  }

  #startPulse(): void {
    if (this.#options.healthCheck > 0) this.#pulse ??= every(this.#options.healthCheck, () => void this.#check());
  }

  #stopPulse(): void {
    this.#pulse?.cancel();
    this.#pulse = undefined;
    this.#grace?.cancel();
    this.#grace = undefined;
  }
}

async function subscribe(session: RedisSession, channels: readonly string[]): Promise<void> {
  for (const batch of batches(channels)) await session.subscribe(batch);
}

function batches(channels: readonly string[]): string[][] {
  const result: string[][] = [];
  for (let at = 0; at < channels.length; at += BATCH) result.push(channels.slice(at, at + BATCH));
  return result;
}
