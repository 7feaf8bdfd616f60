import { readFile } from "node:fs/promises";
import type { RedisOptions } from "ioredis";
import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, urlParts } from "../../util/url.js";
import type { BackendOptions } from "../backend.js";

/** Seconds to wait for a connection, and for an answer (`redis_socket_timeout`), when nothing else is said. */
const CONNECT_TIMEOUT = 5;
const SOCKET_TIMEOUT = 120;
/** Seconds between signs of life asked of a connection that only listens. */
const HEALTH_CHECK = 25;

export interface RedisTarget {
  readonly client: RedisOptions;
  /** Seconds; 0 for none. */
  readonly healthCheckInterval: number;
  readonly tls: TlsSource | null;
}

/** TLS as configured: files are read when a connection is made, so that renewed certificates are used. */
interface TlsSource {
  readonly files: Readonly<Partial<Record<"ca" | "cert" | "key", string>>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Celery's Redis URLs: `redis://[user][:password]@host:6379/db`, `rediss://...?ssl_cert_reqs=required`,
 * `redis+socket:///path?virtual_host=db`. Query parameters win over the rest of the URL and over transport options.
 *
 * @throws ImproperlyConfigured for what Celery refuses too: a database that is no number, `rediss://` without
 *   `ssl_cert_reqs`, `ssl_*` on `redis://`, unknown parameters
 */
export function redisTarget(url: string, options: BackendOptions): RedisTarget {
  const parts = urlParts(url.replace(/^redis\+socket:/i, "socket:"));
  const shown = maskUrl(url);
  const query: Record<string, string> = { ...parts.query };
  const setting = (name: string): string | undefined => {
    const value = query[name] ?? options.transportOptions[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  };
  for (const name of Object.keys(query))
    if (!KNOWN.has(name) && !name.startsWith("ssl_"))
      throw new ImproperlyConfigured(
        `${shown} has an unknown parameter "${name}"; known are ${[...KNOWN].join(", ")}, ssl_*`,
      );

  const seconds = (name: string, preset: number): number => {
    const value = setting(name);
    if (value === undefined || value === "None") return preset;
    const number = Number(value);
    if (!(number >= 0)) throw new ImproperlyConfigured(`${name} of ${shown} is ${value}; expected seconds`);
    return number;
  };
  const socket = parts.scheme === "socket";
  const db = query["db"] ?? query["virtual_host"] ?? (socket ? undefined : parts.path);
  const client: RedisOptions = {
    ...(socket ? { path: `/${parts.path ?? ""}` } : { host: query["host"] ?? parts.hostname ?? "localhost" }),
    ...(socket ? {} : { port: Number(query["port"] ?? parts.port ?? 6379), family: 0 }),
    db: database(db, shown),
    connectTimeout: seconds("socket_connect_timeout", CONNECT_TIMEOUT) * 1000,
    socketTimeout: (seconds("socket_timeout", SOCKET_TIMEOUT) || SOCKET_TIMEOUT) * 1000,
    keepAlive: 30_000,
  };
  const username = query["username"] ?? parts.username;
  const password = query["password"] ?? parts.password;
  const name = setting("client_name");
  if (username !== undefined && password !== undefined) client.username = username;
  if (password !== undefined) client.password = password;
  if (name !== undefined) client.connectionName = name;
  return {
    client,
    healthCheckInterval: seconds("health_check_interval", HEALTH_CHECK),
    tls: tlsSource(parts.scheme, query, options.useSsl, shown),
  };
}

/** The client options with TLS files read. */
export async function clientOptions(target: RedisTarget, shown: string): Promise<RedisOptions> {
  if (!target.tls) return target.client;
  const tls: Record<string, unknown> = { ...target.tls.options };
  for (const [option, path] of Object.entries(target.tls.files)) {
    try {
      tls[option] = await readFile(path);
    } catch (cause) {
      throw new ImproperlyConfigured(`the TLS ${option} file ${path} of ${shown} cannot be read`, { cause });
    }
  }
  return { ...target.client, tls };
}

/** Parameters that are used, and those of Python's client that mean nothing here. */
const KNOWN: ReadonlySet<string> = new Set([
  ...["db", "virtual_host", "host", "port", "username", "password", "client_name"],
  ...["socket_timeout", "socket_connect_timeout", "health_check_interval"],
  ...["socket_keepalive", "retry_on_timeout", "max_connections", "protocol", "encoding", "decode_responses"],
]);

/** Extra slashes are stripped; anything but digits is refused, as Python does with a ValueError. */
function database(path: string | undefined, shown: string): number {
  const text = (path ?? "").replace(/^\/+|\/+$/g, "");
  if (text === "") return 0;
  if (!/^\d+$/.test(text))
    throw new ImproperlyConfigured(
      `the database of ${shown} is "${text}"; expected a number, as in redis://localhost/0`,
    );
  return Number(text);
}

/** What `ssl_cert_reqs` means for Node. */
const VERIFY: Readonly<Record<string, boolean>> = {
  required: true,
  optional: true,
  none: false,
  CERT_REQUIRED: true,
  CERT_OPTIONAL: true,
  CERT_NONE: false,
};

const FILES: Readonly<Record<string, "ca" | "cert" | "key">> = {
  ssl_ca_certs: "ca",
  ssl_certfile: "cert",
  ssl_keyfile: "key",
};

function tlsSource(
  scheme: string,
  query: Readonly<Record<string, string>>,
  useSsl: BackendOptions["useSsl"],
  shown: string,
): TlsSource | null {
  const given: Record<string, unknown> = typeof useSsl === "object" ? { ...useSsl } : {};
  for (const [name, value] of Object.entries(query)) if (name.startsWith("ssl_")) given[name] = value;
  const inQuery = Object.keys(query).some((name) => name.startsWith("ssl_"));
  if (scheme !== "rediss" && inQuery)
    throw new ImproperlyConfigured(`${shown} has ssl_* parameters but is not rediss://; use rediss:// for TLS`);
  if (scheme !== "rediss" && useSsl === false) return null;

  const files: Partial<Record<"ca" | "cert" | "key", string>> = {};
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const file = FILES[name];
    if (file) files[file] = String(value);
    else if (name === "ssl_cert_reqs") options["rejectUnauthorized"] = verify(value, shown);
    else if (name === "ssl_check_hostname") {
      if (/^(?:false|0|no)$/i.test(String(value))) options["checkServerIdentity"] = () => undefined;
    } else if (name.startsWith("ssl_"))
      throw new ImproperlyConfigured(
        `${shown} has an unknown parameter "${name}"; known are ssl_cert_reqs, ssl_check_hostname, ${Object.keys(FILES).join(", ")}`,
      );
    else options[name] = value;
  }
  if (scheme === "rediss" && useSsl === false && !("rejectUnauthorized" in options))
    throw new ImproperlyConfigured(
      `${shown} does not say whether to verify the server: add ?ssl_cert_reqs=required (or optional, none), as Celery demands`,
    );
  return { files, options };
}

function verify(value: unknown, shown: string): boolean {
  const found = VERIFY[String(value)];
  if (found === undefined)
    throw new ImproperlyConfigured(
      `ssl_cert_reqs of ${shown} is ${JSON.stringify(value)}; expected ${Object.keys(VERIFY).join(", ")}`,
    );
  return found;
}
