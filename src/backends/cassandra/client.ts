import { access, constants } from "node:fs/promises";
import type * as cassandra from "cassandra-driver";
import type { Client, ClientOptions, Host } from "cassandra-driver";
import { ImproperlyConfigured } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { localPolicy } from "./local-policy.js";
import type { CassandraSettings } from "./settings.js";

export type CassandraModule = typeof cassandra;

/**
 * Milliseconds between the library's own attempts to reach a lost server, at first and at most (its defaults are a
 * second and ten minutes). The last one may keep the process alive for so long after closing.
 */
const RECONNECT = [100, 2000] as const;

/** What the library has and does not declare: how to close what it forgets. */
interface Inside {
  readonly controlConnection?: {
    on?(event: "newConnection", listener: (error: unknown, connection: unknown, host?: Host) => void): void;
  };
}

/**
 * A connected client. `retire` it when it is not needed any more.
 *
 * @throws ImproperlyConfigured when the secure connect bundle cannot be read, else what the library throws
 */
export async function openClient(lib: CassandraModule, settings: CassandraSettings, logger: Logger): Promise<Client> {
  const { secureBundle } = settings;
  if (secureBundle !== null)
    await access(secureBundle, constants.R_OK).catch((cause: unknown) => {
      throw new ImproperlyConfigured(`the secure connect bundle ${secureBundle} cannot be read`, { cause });
    });
  const client = new lib.Client(clientOptions(lib, settings));
  client.on("log", (level: string, _class: string, message: string) => {
    if (level === "warning" || level === "error") logger.debug(`cassandra-driver: ${message}`);
  });
  // When all servers were lost, the library makes new objects for them and forgets the pools of the old ones, which go
  // on connecting for ever.
  client.on("hostRemove", shutDownHost);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.shutdown().catch(() => undefined);
    throw error;
  }
}

/** Closes all its connections, those included that are being made just now. */
export async function retire(client: Client): Promise<void> {
  (client as Inside).controlConnection?.on?.("newConnection", (_error, _connection, host) => {
    if (host) shutDownHost(host);
  });
  await client.shutdown();
}

function shutDownHost(host: Host): void {
  const { shutdown } = host as { shutdown?: () => Promise<void> };
  // What fails to close is closed already.
  shutdown?.call(host).catch(() => undefined);
}

function clientOptions(
  lib: CassandraModule,
  settings: CassandraSettings,
): ClientOptions & { monitorReporting: { enabled: boolean } } {
  const { contactPoints, port, secureBundle, keyspace, login, clientOptions: given } = settings;
  const { policies, protocolOptions, ...others } = given as ClientOptions;
  const local = secureBundle === null && others.localDataCenter === undefined;
  return {
    monitorReporting: { enabled: false },
    ...(login && { authProvider: new lib.auth.PlainTextAuthProvider(login.username, login.password) }),
    ...others,
    ...(contactPoints && { contactPoints: [...contactPoints] }),
    ...(secureBundle !== null && { cloud: { secureConnectBundle: secureBundle } }),
    keyspace,
    protocolOptions: { ...(secureBundle === null && { port }), ...protocolOptions },
    policies: {
      ...(local && { loadBalancing: localPolicy(lib.policies.loadBalancing) }),
      reconnection: new lib.policies.reconnection.ExponentialReconnectionPolicy(...RECONNECT, false),
      ...policies,
    },
  };
}
