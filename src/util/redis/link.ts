import { OperationalError } from "../../errors.js";
import type { CeleryError } from "../../errors.js";
import { isMissingScript, isWrongServer, redisFailure } from "./failure.js";
import type { Script } from "./script.js";
import type { Connect, Endpoint, RedisArgument, RedisSession, SessionEvents } from "./session.js";

/** The addresses of one broker, shared by all of its connections: what failed for one is left by all. */
export class Addresses {
  readonly #endpoints: readonly Endpoint[];
  #at = 0;
  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints;
  }
  get count(): number {
    return this.#endpoints.length;
  }
  get current(): Endpoint {
    return this.#endpoints[this.#at % this.#endpoints.length] as Endpoint;
  }
  /** Goes on to the next, unless somebody else already has. */
  leave(endpoint: Endpoint): void {
    if (this.current === endpoint) this.#at++;
  }
}

export interface LinkEvents extends Pick<SessionEvents, "message" | "payload"> {
  /** An established connection ended without being asked to. */
  lost?(error: CeleryError): void;
  /** For a user that lacks rights: a sentence about those that are needed. */
  readonly rights?: string;
}

/**
 * A connection for one purpose, made when it is needed: one attempt at each address, then the caller hears of it.
 * A lost one is made anew by the next call.
 */
export class Link {
  readonly #addresses: Addresses;
  readonly #connect: Connect;
  readonly #events: LinkEvents;
  #session: Promise<RedisSession> | undefined;
  #live: RedisSession | undefined;
  /** Where each session leads to. */
  readonly #endpoints = new WeakMap<RedisSession, Endpoint>();
  #attempts = new AbortController();
  #closed = false;

  constructor(addresses: Addresses, connect: Connect, events: LinkEvents = {}) {
    this.#addresses = addresses;
    this.#connect = connect;
    this.#events = events;
  }

  get displayUrl(): string {
    return this.#addresses.current.displayUrl;
  }

  /** Whether there is a connection right now. */
  get connected(): boolean {
    return this.#live !== undefined;
  }

  session(): Promise<RedisSession> {
    if (this.#closed)
      return Promise.reject(
        new OperationalError(`the connection to ${this.displayUrl} has been closed`, { retriable: false }),
      );
    return (this.#session ??= this.#open());
  }

  async call(command: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    const session = await this.session();
    try {
      return await session.call(command, ...args);
    } catch (error) {
      throw this.failed(session, `${command} on`, error);
    }
  }

  /** Runs a script by its digest; a server that does not know it is told the text. */
  async run(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<unknown> {
    const session = await this.session();
    try {
      try {
        return await session.call("EVALSHA", script.digest, keys.length, ...keys, ...args);
      } catch (error) {
        if (!isMissingScript(error)) throw error;
        return await session.call("EVAL", script.text, keys.length, ...keys, ...args);
      }
    } catch (error) {
      throw this.failed(session, `script ${script.name} on`, error);
    }
  }

  /** Forgets the connection without telling anybody: the next call makes a new one. */
  reset(): void {
    const live = this.#forget();
    live?.destroy();
  }

  /** Ends the connection now, for good. */
  end(): void {
    this.#closed = true;
    this.reset();
  }

  /** Ends the connection after what was sent is answered. A half-made one is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#forget()?.quit();
  }

  #forget(): RedisSession | undefined {
    const live = this.#live;
    this.#live = undefined;
    this.#session = undefined;
    this.#attempts.abort();
    this.#attempts = new AbortController();
    return live;
  }

  async #open(): Promise<RedisSession> {
    const { signal } = this.#attempts;
    let failure: CeleryError | undefined;
    for (let attempt = 0; attempt < this.#addresses.count && !signal.aborted; attempt++) {
      const endpoint = this.#addresses.current;
      try {
        return await this.#attempt(endpoint, signal);
      } catch (error) {
        failure = redisFailure("connecting to", endpoint.displayUrl, error, this.#events.rights);
        if (!signal.aborted) this.#addresses.leave(endpoint);
      }
    }
    if (!signal.aborted) this.#session = undefined;
    throw failure ?? new OperationalError(`the connection to ${this.displayUrl} has been closed`, { retriable: false });
  }

  async #attempt(endpoint: Endpoint, signal: AbortSignal): Promise<RedisSession> {
    let opened: RedisSession | undefined;
    let ended: Error | undefined;
    const { message, payload } = this.#events;
    const events: SessionEvents = {
      ...(message && { message }),
      ...(payload && { payload }),
      ended: (reason) => {
        ended = reason;
        if (opened) this.#ended(opened, endpoint, reason);
      },
    };
    const session = (opened = await this.#connect(endpoint, events, signal));
    if (ended) throw ended;
    if (signal.aborted) {
      session.destroy();
      throw new OperationalError(`the connection to ${endpoint.displayUrl} has been closed`, { retriable: false });
    }
    this.#live = session;
    this.#endpoints.set(session, endpoint);
    return session;
  }

  #ended(session: RedisSession, endpoint: Endpoint, reason: Error): void {
    if (this.#live !== session) return;
    this.#live = undefined;
    this.#session = undefined;
    this.#events.lost?.(
      new OperationalError(`the connection to ${endpoint.displayUrl} was lost: ${reason.message}`, { cause: reason }),
    );
  }

  /** The error to tell of; a server that cannot be written to is left, so that the next call looks for another. */
  failed(session: RedisSession, doing: string, error: unknown): CeleryError {
    const endpoint = this.#endpoints.get(session) ?? this.#addresses.current;
    if (isWrongServer(error)) {
      this.#addresses.leave(endpoint);
      session.destroy(error);
    }
    return redisFailure(doing, endpoint.displayUrl, error, this.#events.rights);
  }
}
