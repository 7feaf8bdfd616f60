import { OperationalError } from "../../errors.js";
import type { CeleryError } from "../../errors.js";
import { NO_NODE, NODE_EXISTS, answerOf, zookeeperFailure } from "./failure.js";
import { PERSISTENT } from "./client.js";
import { Session } from "./session.js";
import type { SessionSettings } from "./session.js";
import type { Endpoint } from "./url.js";

/** The servers of one broker, shared by all of its connections: one that failed for one is left by all. */
export class Servers {
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

/**
 * A session for one purpose, begun when it is needed: one attempt at each server, then the caller hears of it. A lost
 * one is followed by a new one with the next call.
 */
export class Link {
  readonly #servers: Servers;
  readonly #settings: SessionSettings;
  readonly #lost: (error: OperationalError) => void;
  #session: Promise<Session> | undefined;
  #live: Session | undefined;
  #attempts = new AbortController();
  #closed = false;

  /** `lost` is told when an established session ends without being asked to. */
  constructor(servers: Servers, settings: SessionSettings, lost: (error: OperationalError) => void) {
    this.#servers = servers;
    this.#settings = settings;
    this.#lost = lost;
  }

  get displayUrl(): string {
    return this.#servers.current.displayUrl;
  }

  session(): Promise<Session> {
    if (this.#closed) return Promise.reject(this.#hasClosed());
    return (this.#session ??= this.#open());
  }

  /** One call or a few; any failure is the library's error. */
  async call<T>(doing: string, use: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.session();
    try {
      return await use(session);
    } catch (error) {
      throw zookeeperFailure(doing, this.displayUrl, error);
    }
  }

  /** Forgets the session without telling anybody: the next call begins a new one. */
  reset(): void {
    this.#forget()?.destroy(new Error("the connection was given up"));
  }

  /** Ends the session after what was sent is answered. A half-made one is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#forget()?.quit();
  }

  #forget(): Session | undefined {
    const live = this.#live;
    this.#live = undefined;
    this.#session = undefined;
    this.#attempts.abort();
    this.#attempts = new AbortController();
    return live;
  }

  async #open(): Promise<Session> {
    const { signal } = this.#attempts;
    let failure: CeleryError | undefined;
    for (let attempt = 0; attempt < this.#servers.count && !signal.aborted; attempt++) {
      const endpoint = this.#servers.current;
      try {
        return await this.#attempt(endpoint, signal);
      } catch (error) {
        failure = zookeeperFailure("connecting to", endpoint.displayUrl, error);
        if (!signal.aborted) this.#servers.leave(endpoint);
      }
    }
    if (!signal.aborted) this.#session = undefined;
    throw failure ?? this.#hasClosed();
  }

  async #attempt(endpoint: Endpoint, signal: AbortSignal): Promise<Session> {
    let opened: Session | undefined;
    let over: Error | undefined;
    const ended = (reason: Error): void => {
      over = reason;
      if (opened) this.#ended(opened, endpoint, reason);
    };
    const session = (opened = await Session.open(endpoint, this.#settings, ended, signal));
    if (over) throw over;
    if (signal.aborted) {
      session.destroy(new Error("the connection was given up"));
      throw this.#hasClosed();
    }
    this.#live = session;
    return session;
  }

  #ended(session: Session, endpoint: Endpoint, reason: Error): void {
    if (this.#live !== session) return;
    this.#live = undefined;
    this.#session = undefined;
    this.#lost(
      new OperationalError(`the connection to ${endpoint.displayUrl} was lost: ${reason.message}`, { cause: reason }),
    );
  }

  #hasClosed(): OperationalError {
    return new OperationalError(`the connection to ${this.displayUrl} has been closed`, { retriable: false });
  }
}

const EMPTY = Buffer.alloc(0);

/** Makes a node and those above it, and touches nothing that is there already (its ACL may forbid that). */
export async function ensureNode(session: Session, path: string): Promise<void> {
  try {
    await session.create(path, EMPTY, PERSISTENT);
  } catch (error) {
    if (answerOf(error) === NODE_EXISTS) return;
    if (answerOf(error) !== NO_NODE) throw error;
    await ensureNode(session, path.slice(0, path.lastIndexOf("/")));
    await ensureNode(session, path);
  }
}
