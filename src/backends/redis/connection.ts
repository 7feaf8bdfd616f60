import type { CeleryError } from "../../errors.js";
import { closedError } from "../closed.js";
import { redisError } from "./errors.js";
import type { OpenSession, RedisSession } from "./session.js";

export interface ConnectionListener {
  message(channel: string, payload: Uint8Array): void;
  /** An established session ended without `close`. */
  lost(error: CeleryError): void;
}

/**
 * One connection, made when it is first needed and made anew when it is needed after it was lost. An attempt under
 * way is shared by all who ask; a failed one is not remembered.
 */
export class Connection {
  readonly #open: () => Promise<OpenSession>;
  readonly #displayUrl: string;
  readonly #listener: ConnectionListener;
  #session: Promise<RedisSession> | undefined;
  #live: RedisSession | undefined;
  #closed = false;

  constructor(open: () => Promise<OpenSession>, displayUrl: string, listener: ConnectionListener) {
    this.#open = open;
    this.#displayUrl = displayUrl;
    this.#listener = listener;
  }

  /** Whether a session exists right now. */
  get connected(): boolean {
    return this.#live !== undefined;
  }

  /** @throws OperationalError when the server cannot be reached or refuses the login: after one attempt */
  session(): Promise<RedisSession> {
    if (this.#closed) return Promise.reject(closedError());
    return (this.#session ??= this.#connect());
  }

  /** Gives up a session that does not answer; the listener hears of it at once. */
  drop(): void {
    const session = this.#live;
    if (!session) return;
    session.close();
    this.#ended(session, new Error("no sign of life"));
  }

  close(): void {
    this.#closed = true;
    this.#live?.close();
  }

  async #connect(): Promise<RedisSession> {
    try {
      const open = await this.#open();
      const session: RedisSession = await open({
        message: (channel, payload) => this.#listener.message(channel, payload),
        ended: (error) => this.#ended(session, error),
      });
      if (this.#closed) {
        session.close();
        throw closedError();
      }
      this.#live = session;
      return session;
    } catch (error) {
      this.#session = undefined;
      throw redisError(error, "connecting", this.#displayUrl);
    }
  }

  #ended(session: RedisSession, error: Error): void {
    // One that was given up may take its time to end.
    if (session !== this.#live) return;
    this.#session = undefined;
    this.#live = undefined;
    if (!this.#closed) this.#listener.lost(redisError(error, "keeping the connection", this.#displayUrl));
  }
}
