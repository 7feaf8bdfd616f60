import { ImproperlyConfigured, NotSupported } from "../../errors.js";
import { maskUrl, urlParts } from "../../util/url.js";
import type { Endpoint, TlsSettings } from "./session.js";

/** Connection arguments that kombu takes from the query of a broker URL; the last few mean nothing on Redis. */
const KNOWN: ReadonlySet<string> = new Set([
  ...["hostname", "port", "userid", "password", "virtual_host", "connect_timeout", "ssl"],
  ...["insist", "transport", "login_method", "heartbeat"],
]);

/**
 * One address of the failover list: `redis://[user][:password]@host:6379/db`, `rediss://` for TLS, or
 * `redis+socket:///path/of.sock?virtual_host=db`. Query parameters win over the rest of the URL.
 *
 * @throws ImproperlyConfigured for a database that is no number, unknown parameters, unreadable TLS settings
 */
export function redisEndpoint(url: string, useSsl: boolean | Readonly<Record<string, unknown>>): Endpoint {
  const displayUrl = maskUrl(url);
  const parts = urlParts(url.replace(/^redis\+socket:/i, "socket:"));
  const { query } = parts;
  if (query["credential_provider"] !== undefined)
    throw new NotSupported(
      `${displayUrl}: credential_provider names a Python class; put user and password into the URL`,
    );
  for (const name of Object.keys(query))
    if (!KNOWN.has(name) && !name.startsWith("ssl_"))
      throw new ImproperlyConfigured(
        `${displayUrl} has an unknown parameter "${name}": known are ${[...KNOWN].join(", ")} and ssl_*; ` +
          `settings such as visibility_timeout belong into brokerTransportOptions`,
      );
  const socket = parts.scheme === "socket";
  const port = Number(query["port"] ?? parts.port ?? 6379);
  return {
    displayUrl,
    host: query["hostname"] ?? parts.hostname ?? "127.0.0.1",
    port,
    path: socket ? `/${parts.path ?? ""}` : undefined,
    username: query["userid"] ?? parts.username,
    password: query["password"] ?? parts.password,
    db: database(query["virtual_host"] ?? (socket ? undefined : parts.path), displayUrl),
    tls: tlsSettings(parts.scheme, query, useSsl, displayUrl),
  };
}

function database(text: string | undefined, displayUrl: string): number {
  const digits = (text ?? "").replace(/^\/+|\/+$/g, "");
  if (digits === "") return 0;
  if (!/^\d+$/.test(digits))
    throw new ImproperlyConfigured(
      `the database of ${displayUrl} is ${JSON.stringify(digits)}: expected a number, as in redis://localhost/0`,
    );
  return Number(digits);
}

const FILES: Readonly<Record<string, "ca" | "cert" | "key">> = {
  ssl_ca_certs: "ca",
  ssl_certfile: "cert",
  ssl_keyfile: "key",
};

/**
 * `rediss://` verifies the server unless told not to (`ssl_cert_reqs=none`); Python's kombu does not verify unless told
 * to. `broker_use_ssl` may hold Python's `ssl_*` names or Node's TLS options.
 */
function tlsSettings(
  scheme: string,
  query: Readonly<Record<string, string>>,
  useSsl: boolean | Readonly<Record<string, unknown>>,
  displayUrl: string,
): TlsSettings | undefined {
  const given: Record<string, unknown> = typeof useSsl === "object" ? { ...useSsl } : {};
  for (const [name, value] of Object.entries(query)) if (name.startsWith("ssl_")) given[name] = value;
  const asked = scheme === "rediss" || useSsl !== false || isYes(query["ssl"]);
  if (!asked) {
    if (Object.keys(given).length > 0)
      throw new ImproperlyConfigured(`${displayUrl} has ssl_* parameters: use rediss:// for TLS`);
    return undefined;
  }
  const options: Record<string, unknown> = {};
  const files: Partial<Record<"ca" | "cert" | "key", string>> = {};
  for (const [name, value] of Object.entries(given)) {
    const file = FILES[name];
    if (file) files[file] = String(value);
    else if (name === "ssl_cert_reqs") options["rejectUnauthorized"] = isVerified(value, displayUrl);
    else if (name === "ssl_check_hostname") {
      if (!isYes(value)) options["checkServerIdentity"] = () => undefined;
    } else if (name.startsWith("ssl_"))
      throw new ImproperlyConfigured(
        `${displayUrl} has an unknown TLS setting "${name}": known are ssl_cert_reqs, ssl_check_hostname, ${Object.keys(FILES).join(", ")}`,
      );
    else options[name] = value;
  }
  return { options, files };
}

const isYes = (value: unknown): boolean =>
  value !== undefined && !["false", "0", "no", ""].includes(`${value as string}`.toLowerCase());

function isVerified(value: unknown, displayUrl: string): boolean {
  const text = String(value)
    .toLowerCase()
    .replace(/^cert_/, "");
  if (text === "required" || text === "optional" || value === 1 || value === 2) return true;
  if (text === "none" || text === "0" || text === "null") return false;
  throw new ImproperlyConfigured(
    `ssl_cert_reqs of ${displayUrl} is ${JSON.stringify(value)}: expected required, optional or none`,
  );
}
