import type { Client } from "cassandra-driver";
import { Gate } from "../../util/gate.js";
import { loadPeer } from "../../util/load-peer.js";
import type { Logger } from "../../util/logger.js";
import { closedError } from "../closed.js";
import type { CassandraModule } from "./client.js";
import { openClient, retire } from "./client.js";
import { cassandraError, isUnreachable } from "./errors.js";
import type { CassandraSettings } from "./settings.js";

export type Row = Readonly<Record<string, unknown>>;

/** Requests under way at once: one connection takes 2048, and the library refuses what is beyond. */
const PARALLEL = 1000;

/** All requests to one cluster. Connects when first asked; a failed attempt to connect is not remembered. */
export class Cluster {
  readonly #settings: CassandraSettings;
  readonly #lib: unknown;
  readonly #logger: Logger;
  readonly #gate = new Gate(PARALLEL);
  readonly #retiring = new Set<Promise<void>>();
  #client: Promise<Client> | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: CassandraSettings, lib: unknown, logger: Logger) {
    this.#settings = settings;
    this.#lib = lib;
    this.#logger = logger;
  }

  /**
   * The rows of one prepared statement. It may be sent twice, when a server is lost meanwhile.
   *
   * @throws OperationalError, ImproperlyConfigured (see errors.ts)
   */
  rows(attempt: string, query: string, values: readonly unknown[], consistency: number): Promise<readonly Row[]> {
    return this.#request(attempt, async (client) => {
      const result = await client.execute(query, [...values], { prepare: true, consistency, isIdempotent: true });
      const rows: Row[] = [];
      // Some servers end a page as soon as it is large: this reads on to the last one.
      for await (const row of result) rows.push(row);
      return rows;
    });
  }

  /** A statement that changes the schema: resolves when all servers agree on it. */
  async change(attempt: string, query: string, consistency: number): Promise<void> {
    await this.#request(attempt, (client) => client.execute(query, [], { consistency }));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown());
  }

  #request<T>(attempt: string, request: (client: Client) => Promise<T>): Promise<T> {
    return this.#gate.run(async () => {
      try {
        const connecting = this.#connect();
        const client = await connecting;
        try {
          return await request(client);
        } catch (error) {
          if (!isUnreachable(error)) throw error;
          // The library waits before it looks for lost servers again; a call should not fail without having looked.
          this.#drop(connecting);
          return await request(await this.#connect());
        }
      } catch (error) {
        throw this.#closing ? closedError() : cassandraError(error, attempt, this.#settings);
      }
    });
  }

  #connect(): Promise<Client> {
    if (this.#closing) throw closedError();
    if (this.#client) return this.#client;
    const connecting = this.#load().then((lib) => openClient(lib, this.#settings, this.#logger));
    this.#client = connecting;
    connecting.catch(() => {
      if (this.#client === connecting) this.#client = undefined;
    });
    return connecting;
  }

  async #load(): Promise<CassandraModule> {
    const lib =
      this.#lib ?? (await loadPeer("cassandra-driver", "Cassandra results", () => import("cassandra-driver")));
    return (lib as { default?: CassandraModule }).default ?? (lib as CassandraModule);
  }

  #drop(connecting: Promise<Client>): void {
    if (this.#client !== connecting) return;
    this.#client = undefined;
    const retiring = this.#retire(connecting).finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  async #shutDown(): Promise<void> {
    if (this.#client) this.#drop(this.#client);
    await Promise.all(this.#retiring);
  }

  async #retire(connecting: Promise<Client>): Promise<void> {
    // One that could not connect is closed already.
    const client = await connecting.catch(() => undefined);
    try {
      if (client) await retire(client);
    } catch (error) {
      this.#logger.debug("a connection to Cassandra was not closed cleanly", { error });
    }
  }
}
