import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import type { PoolConfig } from "pg";
import { ImproperlyConfigured } from "../../../errors.js";
import type { DatabaseUrl } from "../url.js";
import { Parameters } from "../url.js";

/** libpq's `sslmode`. `prefer`, its default, encrypts without checking anything where the server can. */
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface PostgresTarget {
  readonly pool: PoolConfig;
  /** Connections at most. */
  readonly poolSize: number;
  /** null: what `pool.ssl` says. */
  readonly sslMode: SslMode | null;
  /** Files are read when the first connection is made. */
  readonly files: Readonly<Partial<Record<"ca" | "cert" | "key", string>>>;
  readonly passphrase: string | undefined;
}

/** Seconds to wait for a connection, and for an answer. */
const CONNECT_TIMEOUT = 10;
const ANSWER_TIMEOUT = 120;
/** Results are small and quick: more connections would only wait for each other. */
const POOL_SIZE = 5;

/**
 * libpq's parameters, as far as they have a meaning here.
 *
 * @throws ImproperlyConfigured for others
 */
export function postgresTarget(url: DatabaseUrl, engineOptions: Readonly<Record<string, unknown>>): PostgresTarget {
  const parameters = new Parameters(url);
  const host = parameters.text("host") ?? url.host;
  const port = parameters.number("port") ?? url.port;
  if (host?.includes(","))
    throw new ImproperlyConfigured(`${url.shown} names several hosts; pg connects to one: name a proxy or the primary`);
  const user = parameters.text("user") ?? url.username;
  const password = parameters.text("password") ?? url.password;
  const database = parameters.text("dbname") ?? url.database;
  const sslMode = parameters.choice("sslmode", SSL_MODES);
  const ca = parameters.text("sslrootcert");
  const cert = parameters.text("sslcert");
  const key = parameters.text("sslkey");
  const passphrase = parameters.text("sslpassword");
  const application = parameters.text("application_name");
  const options = parameters.text("options");
  const connectTimeout = parameters.number("connect_timeout");
  const keepAlive = parameters.boolean("keepalives");
  const idle = parameters.number("keepalives_idle");
  parameters.choice("client_encoding", ["utf8", "UTF8", "utf-8"]);
  parameters.choice("target_session_attrs", ["any", "read-write", "primary"]);
  parameters.ignore(
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "gssencmode",
    "fallback_application_name",
  );
  parameters.done();
  // TLS of the engine options counts where the URL says nothing about it.
  const ownTls = sslMode === undefined && engineOptions["ssl"] !== undefined;
  return {
    poolSize: sizeOf(engineOptions["max"]),
    sslMode: ownTls ? null : (sslMode ?? "prefer"),
    files: { ...(ca !== undefined && ca !== "system" && { ca }), ...(cert && { cert }), ...(key && { key }) },
    passphrase,
    pool: {
      max: POOL_SIZE,
      idleTimeoutMillis: 30_000,
      connectionTimeoutMillis: CONNECT_TIMEOUT * 1000,
      keepAlive: true,
      query_timeout: ANSWER_TIMEOUT * 1000,
      ...engineOptions,
      // A program that forgets to close is not held open by idle connections.
      allowExitOnIdle: true,
      ...(connectTimeout !== undefined && { connectionTimeoutMillis: connectTimeout * 1000 }),
      ...(keepAlive !== undefined && { keepAlive }),
      ...(idle !== undefined && { keepAliveInitialDelayMillis: idle * 1000 }),
      host: host ?? "localhost",
      ...(port !== undefined && { port }),
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ...(application !== undefined && { application_name: application }),
      ...(options !== undefined && { options }),
    },
  };
}

const sizeOf = (max: unknown): number => (typeof max === "number" && max >= 1 ? max : POOL_SIZE);

/** TLS options as libpq means them, or false for none. */
export async function tlsOptions(target: PostgresTarget, shown: string): Promise<PoolConfig["ssl"]> {
  const { sslMode, files, passphrase, pool } = target;
  if (sslMode === null) return pool.ssl;
  if (sslMode === "disable" || sslMode === "allow") return false;
  const tls: ConnectionOptions = {};
  for (const [option, path] of Object.entries(files) as ["ca" | "cert" | "key", string][]) {
    try {
      tls[option] = await readFile(path, "utf8");
    } catch (cause) {
      throw new ImproperlyConfigured(`the TLS ${option} file ${path} of ${shown} cannot be read`, { cause });
    }
  }
  if (passphrase !== undefined) tls.passphrase = passphrase;
  // As in libpq, a root certificate that is there is used for `require` too.
  tls.rejectUnauthorized = sslMode.startsWith("verify") || (sslMode === "require" && files.ca !== undefined);
  if (sslMode !== "verify-full") tls.checkServerIdentity = () => undefined;
  return tls;
}
