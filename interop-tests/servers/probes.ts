import { connect as connectTcp } from "node:net";
import { connect as connectAmqp } from "amqplib";
import cassandra from "cassandra-driver";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { masterAddress } from "./sentinel.js";
import type { Server, ServerKind } from "./server.js";

/** Asks a server who it is, through a client of its own kind; rejects within seconds when it does not answer. */
export const probe = (server: Server): Promise<string> => probes[server.kind](server.url, server);

const PATIENCE_MS = 5000;

const probes: Readonly<Record<ServerKind, (url: string, server: Server) => Promise<string>>> = {
  redis: async (url) => {
    const options = { lazyConnect: true, retryStrategy: null, connectTimeout: PATIENCE_MS };
    const connection = new Redis(url, options);
    connection.on("error", () => undefined);
    try {
      await connection.connect();
      return found(/redis_version:(\S+)/, await connection.info("server"));
    } finally {
      connection.disconnect();
    }
  },
  // The first Sentinel answers for all.
  // Both: a Sentinel that answers, and the server that it names.
  sentinel: async (url, server) => {
    await probes.redis(url.replace(/^sentinel(:[^;]*?:\d+).*$/s, "redis$1"), server);
    const { host, port } = await masterAddress(url);
    return probes.redis(`redis://${host}:${port}`, server);
  },
  rabbitmq: async (url) => {
    const connection = await connectAmqp(url, { timeout: PATIENCE_MS });
    const { version } = connection.connection.serverProperties;
    await connection.close();
    return version;
  },
  postgresql: async (url) => {
    const connection = new pg.Client({ connectionString: url, connectionTimeoutMillis: PATIENCE_MS });
    connection.on("error", () => undefined);
    try {
      await connection.connect();
      const { rows } = await connection.query<{ server_version: string }>("SHOW server_version");
      return found(/([\d.]+)/, String(rows[0]?.server_version));
    } finally {
      await connection.end();
    }
  },
  mariadb: async (url) => {
    const uri = url.replace(/^\w+:/, "mysql:");
    const connection = await createConnection({ uri, connectTimeout: PATIENCE_MS });
    try {
      const [rows] = await connection.query("SELECT VERSION() AS version");
      return found(/([\d.]+)/, JSON.stringify(rows));
    } finally {
      await connection.end();
    }
  },
  cassandra: async (url) => {
    const { hostname, port, username, password } = new URL(url);
    const client = new cassandra.Client({
      contactPoints: [`${hostname}:${port}`],
      localDataCenter: "datacenter1",
      socketOptions: { connectTimeout: PATIENCE_MS },
      ...(username && { credentials: { username, password } }),
    });
    try {
      const { rows } = await client.execute("SELECT release_version FROM system.local");
      return String(rows[0]?.["release_version"]);
    } finally {
      await client.shutdown();
    }
  },
  zookeeper: async (url) => {
    const deadline = Date.now() + PATIENCE_MS;
    // It listens a moment before it serves.
    for (;;) {
      const answer = await said(url, "srvr");
      if (!/not currently serving/.test(answer) || Date.now() > deadline) return found(/version: ([\d.]+)/, answer);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
  // Amazon's protocol has no question for it.
  sqs: async (url, { version }) => {
    const { hostname, port } = new URL(url);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`http://${hostname}:${port}/?Action=ListQueues`, { signal });
    await response.arrayBuffer();
    return version ?? response.headers.get("server") ?? "unknown";
  },
};

/** Everything that a server writes in answer to a text, up to its end of the connection. */
function said(url: string, question: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connectTcp({ host: hostname, port: Number(port), timeout: PATIENCE_MS }, () =>
      socket.write(question),
    );
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("timeout", () => socket.destroy(new Error(`${hostname}:${port} is silent`)));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

function found(pattern: RegExp, text: string): string {
  const version = pattern.exec(text)?.[1];
  if (!version) throw new Error(`no version in what the server answered: ${text.slice(0, 200)}`);
  return version;
}
