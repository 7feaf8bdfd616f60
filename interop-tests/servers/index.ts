import { startLocalCassandra } from "./cassandra.js";
import { serverKinds } from "./kinds.mjs";
import { startLocalMariadb } from "./mariadb.js";
import { startLocalPostgresql } from "./postgresql.js";
import { startLocalRabbitmq } from "./rabbitmq.js";
import { startLocalRedis } from "./redis.js";
import { startLocalSentinel } from "./sentinel.js";
import { ServerMissing } from "./server.js";
import type { Provider, Server, ServerKind, ServerOptions } from "./server.js";
import { startLocalSqs } from "./sqs.js";
import { startLocalZookeeper } from "./zookeeper.js";

export { ServerMissing } from "./server.js";
export type { Provider, Server, ServerKind, ServerOptions } from "./server.js";

const providers: readonly Provider[] = ["env", "containers", "local"];

/**
 * Starts a private server, or names the one of the environment (`REDIS_URL` and the like, see kinds.mjs); else a
 * container where a Docker engine answers, else a local program. `CELERIAC_SERVERS=env|containers|local` forces one of the three.
 * Rejects with `ServerMissing` when there is none.
 */
export async function startServer(kind: ServerKind, options: ServerOptions = {}): Promise<Server> {
  const forced = process.env.CELERIAC_SERVERS;
  if (forced && !(providers as readonly string[]).includes(forced))
    throw new Error(`CELERIAC_SERVERS=${forced}; expected one of ${providers.join(", ")}`);
  const missing: string[] = [];
  for (const provider of forced ? [forced as Provider] : providers) {
    try {
      return await start[provider](kind, options);
    } catch (error) {
      if (!(error instanceof ServerMissing)) throw error;
      missing.push(error.message);
    }
  }
  throw new ServerMissing(`no ${kind} server: ${missing.join("; ")}`);
}

/** The variable of the environment that names a server of this kind, such as `REDIS_URL`. */
export const variableOf = (kind: ServerKind): string => serverKinds[kind]?.variable ?? `${kind.toUpperCase()}_URL`;

/** Programs of this machine. */
const locals: Partial<Record<ServerKind, (options: ServerOptions) => Promise<Server>>> = {
  redis: startLocalRedis,
  sentinel: startLocalSentinel,
  rabbitmq: startLocalRabbitmq,
  zookeeper: startLocalZookeeper,
  sqs: startLocalSqs,
  cassandra: startLocalCassandra,
  postgresql: startLocalPostgresql,
  mariadb: startLocalMariadb,
};

const start: Record<Provider, (kind: ServerKind, options: ServerOptions) => Promise<Server>> = {
  env: async (kind) => {
    const name = variableOf(kind);
    const url = process.env[name];
    if (!url) throw new ServerMissing(`${name} is not set`);
    const refuse = (): Promise<void> => Promise.reject(new Error(`the server of ${name} is not ours to end`));
    return { kind, provider: "env", owned: false, url, kill: refuse, restart: refuse, stop: async () => undefined };
  },
  containers: async (kind, options) => {
    if (!(await dockerAnswers())) throw new ServerMissing("no Docker engine answers");
    const { containers } = await import("./containers.js");
    const startContainer = containers[kind];
    if (!startContainer) throw new ServerMissing(`no container image is known for ${kind}`);
    return startContainer(options);
  },
  local: async (kind, options) => {
    const startLocal = locals[kind];
    if (!startLocal) throw new ServerMissing(`no local program is known for ${kind}`);
    return startLocal(options);
  },
};

let docker: Promise<boolean> | undefined;

/** Whether testcontainers finds an engine; loaded only when asked, because it is large. */
function dockerAnswers(): Promise<boolean> {
  docker ??= import("testcontainers")
    .then(({ getContainerRuntimeClient }) => getContainerRuntimeClient())
    .then(
      () => true,
      () => false,
    );
  return docker;
}
