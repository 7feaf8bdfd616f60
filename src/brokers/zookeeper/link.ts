import type { OperationalError } from "../../errors.js";
import { LazyConnection } from "../../util/lazy-connection.js";
import type { Addresses } from "../../util/lazy-connection.js";
import { NO_NODE, NODE_EXISTS, answerOf, zookeeperFailure } from "./failure.js";
import { PERSISTENT } from "./client.js";
import { Session } from "./session.js";
import type { SessionSettings } from "./session.js";
import type { Endpoint } from "./url.js";

/** A session for one purpose, begun when it is needed. A lost one is followed by a new one with the next call. */
export class Link extends LazyConnection<Session, Endpoint> {
  /** `lost` is told when an established session ends without being asked to. */
  constructor(servers: Addresses<Endpoint>, settings: SessionSettings, lost: (error: OperationalError) => void) {
    super({
      addresses: servers,
      connect: (endpoint, ended, signal) => Session.open(endpoint, settings, ended, signal),
      failure: (endpoint, error) => zookeeperFailure("connecting to", endpoint.displayUrl, error),
      lost,
    });
  }

  session(): Promise<Session> {
    return this.get();
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
