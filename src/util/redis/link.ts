import type { CeleryError } from "../../errors.js";
import { LazyConnection } from "../lazy-connection.js";
import type { Addresses } from "../lazy-connection.js";
import { isMissingScript, isWrongServer, redisFailure } from "./failure.js";
import type { Script } from "./script.js";
import type { Connect, Endpoint, RedisArgument, RedisSession, SessionEvents } from "./session.js";

export interface LinkEvents extends Pick<SessionEvents, "message" | "payload"> {
  /** An established connection ended without being asked to. */
  lost?(error: CeleryError): void;
  /** For a user that lacks rights: a sentence about those that are needed. */
  readonly rights?: string;
}

/** A connection for one purpose, made when it is needed. A lost one is made anew by the next call. */
export class Link extends LazyConnection<RedisSession, Endpoint> {
  readonly #addresses: Addresses<Endpoint>;
  readonly #rights: string | undefined;

  constructor(addresses: Addresses<Endpoint>, connect: Connect, events: LinkEvents = {}) {
    const { message, payload, rights } = events;
    super({
      addresses,
      connect: (endpoint, ended, signal) =>
        connect(endpoint, { ...(message && { message }), ...(payload && { payload }), ended }, signal),
      failure: (endpoint, error) => redisFailure("connecting to", endpoint.displayUrl, error, rights),
      lost: (error) => events.lost?.(error),
    });
    this.#addresses = addresses;
    this.#rights = rights;
  }

  session(): Promise<RedisSession> {
    return this.get();
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

  /** The error to tell of; a server that cannot be written to is left, so that the next call looks for another. */
  failed(session: RedisSession, doing: string, error: unknown): CeleryError {
    const endpoint = this.addressOf(session);
    if (isWrongServer(error)) {
      this.#addresses.leave(endpoint);
      session.destroy(error);
    }
    return redisFailure(doing, endpoint.displayUrl, error, this.#rights);
  }
}
