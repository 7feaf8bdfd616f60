import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { PoolOptions, SslOptions } from "mysql2";
import { ImproperlyConfigured } from "../../../errors.js";
import type { DatabaseUrl } from "../url.js";
import { Parameters } from "../url.js";

export interface MysqlTarget {
  readonly pool: PoolOptions;
  /** Connections at most. */
  readonly poolSize: number;
  /** null for none. Files are read when the first connection is made. */
  readonly tls: {
    readonly files: Readonly<Partial<Record<"ca" | "cert" | "key", string>>>;
    readonly checkHost: boolean;
    readonly verify: boolean;
  } | null;
  /** Milliseconds to wait for an answer. */
  readonly timeout: number;
}

/** Seconds to wait for a connection, and for an answer. */
const CONNECT_TIMEOUT = 10;
const ANSWER_TIMEOUT = 120;
/** Results are small and quick: more connections would only wait for each other. */
const POOL_SIZE = 5;

/**
 * PyMySQL's and mysqlclient's parameters, as far as they have a meaning here.
 *
 * @throws ImproperlyConfigured for others
 */
export function mysqlTarget(url: DatabaseUrl, engineOptions: Readonly<Record<string, unknown>>): MysqlTarget {
  const parameters = new Parameters(url);
  const socket = parameters.text("unix_socket");
  const host = parameters.text("host") ?? url.host;
  const port = parameters.number("port") ?? url.port;
  const user = parameters.text("user") ?? url.username;
  const password = parameters.text("password") ?? parameters.text("passwd") ?? url.password;
  const database = parameters.text("database") ?? parameters.text("db") ?? url.database;
  const connectTimeout = parameters.number("connect_timeout");
  const timeout = parameters.number("read_timeout") ?? ANSWER_TIMEOUT;
  const program = parameters.text("program_name");
  const [ca, cert, key] = [parameters.text("ssl_ca"), parameters.text("ssl_cert"), parameters.text("ssl_key")];
  const ssl = parameters.boolean("ssl");
  const verifyCert = parameters.boolean("ssl_verify_cert");
  const identity = [parameters.boolean("ssl_verify_identity"), parameters.boolean("ssl_check_hostname")];
  const verifyIdentity = identity[0] ?? identity[1];
  // Whatever is asked for, texts travel as utf8mb4, which holds them all.
  parameters.choice("charset", ["utf8mb4", "utf8mb3", "utf8"]);
  parameters.ignore("write_timeout", "use_unicode", "binary_prefix", "local_infile", "autocommit", "compress");
  parameters.done();
  const wantsTls = ssl ?? [ca, cert, key, verifyCert, verifyIdentity].some((value) => value !== undefined);
  const verify = verifyCert ?? (ca !== undefined || verifyIdentity === true);
  const checkHost = verifyIdentity ?? verify;
  // mysql2 would compare the certificate with "localhost" instead.
  if (wantsTls && checkHost && isIP(host ?? "") !== 0)
    throw new ImproperlyConfigured(
      `${url.shown} names an address, and mysql2 can check certificates for host names alone: ` +
        "name the host, or add ssl_check_hostname=false",
    );
  const limit = engineOptions["connectionLimit"];
  return {
    timeout: timeout * 1000,
    poolSize: typeof limit === "number" && limit >= 1 ? limit : POOL_SIZE,
    tls: wantsTls
      ? {
          files: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
          verify,
          checkHost,
        }
      : null,
    pool: {
      connectionLimit: POOL_SIZE,
      maxIdle: POOL_SIZE,
      idleTimeout: 30_000,
      connectTimeout: CONNECT_TIMEOUT * 1000,
      charset: "utf8mb4",
      ...engineOptions,
      waitForConnections: true,
      ...(connectTimeout !== undefined && { connectTimeout: connectTimeout * 1000 }),
      ...(socket !== undefined ? { socketPath: socket } : { host: host ?? "localhost" }),
      ...(port !== undefined && { port }),
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ...(program !== undefined && { connectAttributes: { program_name: program } }),
    },
  };
}

/** mysql2's TLS options, or undefined for none. */
export async function tlsOptions(target: MysqlTarget, shown: string): Promise<SslOptions | undefined> {
  if (!target.tls) return undefined;
  const { files, verify, checkHost } = target.tls;
  const tls: SslOptions = { rejectUnauthorized: verify, verifyIdentity: checkHost };
  for (const [option, path] of Object.entries(files) as ["ca" | "cert" | "key", string][]) {
    try {
      tls[option] = await readFile(path, "utf8");
    } catch (cause) {
      throw new ImproperlyConfigured(`the TLS ${option} file ${path} of ${shown} cannot be read`, { cause });
    }
  }
  return tls;
}
