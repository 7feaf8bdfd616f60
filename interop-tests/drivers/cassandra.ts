import { auth, Client } from "cassandra-driver";
import type { CeleryOptions } from "../../src/index.js";
import type { Server } from "../servers/index.js";
import { sharedServer } from "../servers/shared.js";
import type { BackendDriver, Place } from "./driver.js";
import { uniqueName } from "./place.js";

/** A user who may do everything in the keyspace of a place and nothing elsewhere. */
const password = "se/cret-key";

/** Celery's own statement, so that it does not depend on us. */
const createTable = (name: string): string =>
  `CREATE TABLE ${name} (task_id text, status text, result blob, date_done timestamp, traceback blob, children blob, ` +
  "PRIMARY KEY ((task_id), date_done)) WITH CLUSTERING ORDER BY (date_done DESC)";

/**
 * A keyspace with an empty table. The first writer would make it, but Python's clients fail until then: those who look
 * for a result before the first one is there get an error instead of PENDING.
 */
async function prepare(given?: Server): Promise<Place> {
  const server = given ?? (await sharedServer("cassandra"));
  const keyspace = uniqueName("celery").replace("-", "_");
  const username = `user_of_${keyspace}`;
  await administer(server.url, [
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    createTable(`${keyspace}.results`),
    `CREATE ROLE ${username} WITH PASSWORD = '${password}' AND LOGIN = true`,
    `GRANT ALL PERMISSIONS ON KEYSPACE ${keyspace} TO ${username}`,
  ]);
  const { hostname, port } = new URL(server.url);
  const settings: Partial<CeleryOptions> = {
    cassandraServers: [hostname],
    cassandraPort: Number(port),
    cassandraKeyspace: keyspace,
    cassandraTable: "results",
    cassandraAuthProvider: "PlainTextAuthProvider",
    cassandraAuthKwargs: { username, password },
  };
  return {
    url: "cassandra://",
    transportOptions: {},
    settings,
    python: { url: "cassandra://", transportOptions: {} },
    server,
    close: () => administer(server.url, [`DROP KEYSPACE ${keyspace}`, `DROP ROLE ${username}`]),
  };
}

/** Statements of the account that the server's URL names. */
export async function administer(url: string, statements: readonly string[]): Promise<void> {
  const { hostname, port, username, password: secret } = new URL(url);
  const client = new Client({
    contactPoints: [`${hostname}:${port || 9042}`],
    localDataCenter: "datacenter1",
    authProvider: new auth.PlainTextAuthProvider(decodeURIComponent(username), decodeURIComponent(secret)),
  });
  try {
    for (const statement of statements) await client.execute(statement);
  } finally {
    await client.shutdown();
  }
}

const withSettings = (place: Place, settings: Partial<CeleryOptions>): Place => ({
  ...place,
  settings: { ...place.settings, ...settings },
});

export const cassandraBackend: BackendDriver = {
  name: "cassandra",
  server: "cassandra",
  secret: password,
  expiry: (seconds) => ({ cassandraEntryTtl: seconds || null }),
  bad: {
    password: (place, wrong) => withSettings(place, { cassandraAuthKwargs: { username: "celeriac", password: wrong } }),
    port: (place, port) => withSettings(place, { cassandraPort: port }),
    option: (place, name, value) => withSettings(place, { cassandraOptions: { [name]: value } }),
  },
  prepare,
};
