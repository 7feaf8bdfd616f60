import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, urlParts } from "../url.js";
import type { Endpoint } from "./session.js";
import { tlsSettings } from "./tls.js";
import type { TlsRules } from "./tls.js";

/** What brokers and result backends do not have in common. */
export interface RedisUrlRules {
  readonly defaults: {
    readonly host: string;
    readonly port: number;
    readonly db?: number | undefined;
    readonly username?: string | undefined;
    readonly password?: string | undefined;
  };
  /** Query parameters that replace a part of the URL; the first one given wins. */
  readonly replacing: Readonly<Record<"host" | "port" | "username" | "password" | "db", readonly string[]>>;
  /** Other query parameters that are known. */
  readonly others: readonly string[];
  /** What to do about an unknown one. */
  readonly remedy: string;
  readonly tls: TlsRules;
}

/** One address and what else its URL said. */
export interface RedisUrl {
  readonly scheme: string;
  readonly endpoint: Endpoint;
  readonly query: Readonly<Record<string, string>>;
}

/**
 * One Redis URL: `redis://[user][:password]@host:6379/db`, `rediss://` for TLS, `sentinel://` for a Sentinel of the
 * master, `redis+socket:///path/of.sock?virtual_host=db`. Query parameters win over the rest of the URL.
 *
 * @throws ImproperlyConfigured for a database that is no number, unknown parameters, unreadable TLS settings
 */
export function parseRedisUrl(url: string, rules: RedisUrlRules): RedisUrl {
  const displayUrl = maskUrl(url);
  const { scheme, query, ...parts } = urlParts(url.replace(/^redis\+socket:/i, "socket:"));
  const { defaults, replacing } = rules;
  const known = [...Object.values(replacing).flat(), ...rules.others];
  for (const name of Object.keys(query))
    if (!known.includes(name) && !name.startsWith("ssl_"))
      throw new ImproperlyConfigured(
        `${displayUrl} has an unknown parameter "${name}": known are ${known.join(", ")} and ssl_*${rules.remedy}`,
      );
  const replaced = (part: keyof RedisUrlRules["replacing"]): string | undefined =>
    replacing[part].map((name) => query[name]).find((value) => value !== undefined);
  const socket = scheme === "socket";
  const port = replaced("port") ?? parts.port ?? defaults.port;
  if (!Number.isInteger(Number(port)) || Number(port) < 1 || Number(port) > 65535)
    throw new ImproperlyConfigured(`the port of ${displayUrl} is ${JSON.stringify(port)}: expected 1 to 65535`);
  if (socket && !parts.path)
    throw new ImproperlyConfigured(`${displayUrl} names no socket: expected redis+socket:///path/of.sock`);
  const endpoint: Endpoint = {
    displayUrl,
    host: replaced("host") ?? parts.hostname ?? defaults.host,
    port: Number(port),
    path: socket ? `/${parts.path}` : undefined,
    username: replaced("username") ?? parts.username ?? defaults.username,
    password: replaced("password") ?? parts.password ?? defaults.password,
    db: database(replaced("db") ?? (socket ? undefined : parts.path), defaults.db ?? 0, displayUrl),
    tls: tlsSettings(scheme, query, rules.tls, displayUrl),
  };
  return { scheme: socket ? "redis+socket" : scheme, endpoint, query };
}

/** Extra slashes are stripped; anything but digits is refused, as Python does with a ValueError. */
function database(text: string | undefined, otherwise: number, displayUrl: string): number {
  const digits = (text ?? "").replace(/^\/+|\/+$/g, "");
  if (digits === "") return otherwise;
  if (!/^\d+$/.test(digits))
    throw new ImproperlyConfigured(
      `the database of ${displayUrl} is ${JSON.stringify(digits)}: expected a number, as in redis://localhost/0`,
    );
  return Number(digits);
}
