import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, urlParts } from "../../util/url.js";
import type { BrokerOptions } from "../broker.js";
import { tlsFromUrl, type TlsSettings } from "./tls.js";

export type LoginMethod = "PLAIN" | "AMQPLAIN" | "EXTERNAL";

/** One server address with everything needed to log in there. */
export interface Endpoint {
  /** The URL with its password masked, for messages. */
  readonly display: string;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  readonly loginMethod: LoginMethod;
  /** Undefined for plain TCP. */
  readonly tls: TlsSettings | undefined;
  /** Seconds asked of the server; 0 for none. */
  readonly heartbeat: number;
  /** Seconds for one connection. */
  readonly connectionTimeout: number;
}

const SCHEMES = ["amqp", "amqps", "pyamqp"];
const PARAMETERS =
  "hostname, userid, password, virtual_host, port, ssl, ssl_*, connect_timeout, heartbeat, login_method";

/**
 * Reads `amqp://user:password@host:port/vhost?…;amqp://…`: kombu's URL grammar (kombu/utils/url.py), several addresses
 * separated by `;` (percent-encode one inside a password). Defaults: guest, guest, localhost, 5672 (5671 with TLS), `/`.
 *
 * @throws ImproperlyConfigured naming the part that cannot be used
 */
export function endpoints(url: string, options: BrokerOptions): Endpoint[] {
  const urls = url.split(";").filter((one) => one !== "");
  const scheme = /^[\w+.-]+:\/\//.exec(urls[0] ?? "")?.[0] ?? "amqp://";
  if (urls.length === 0) throw new ImproperlyConfigured("the broker URL is empty; expected amqp://host:port/vhost");
  return urls.map((one) => endpoint(one.includes("://") ? one : scheme + one, options));
}

function endpoint(url: string, options: BrokerOptions): Endpoint {
  const parts = urlParts(url);
  const display = maskUrl(url);
  if (!SCHEMES.includes(parts.scheme))
    throw new ImproperlyConfigured(`${display} is no AMQP address; its scheme must be one of ${SCHEMES.join(", ")}`);
  const { query } = parts;
  for (const key of Object.keys(query))
    if (
      !/^(hostname|userid|password|virtual_host|port|insist|transport|connect_timeout|heartbeat|login_method|ssl(_\w+)?)$/.test(
        key,
      )
    )
      throw new ImproperlyConfigured(`${display} has the unknown parameter "${key}"; known are ${PARAMETERS}`);
  const tls = tlsFromUrl(parts.scheme === "amqps", query, options.useSsl, display);
  const number = (key: string): number | undefined => {
    const text = query[key];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() === "" || !(value >= 0 && value < Infinity))
      throw new ImproperlyConfigured(`"${key}" in ${display} must be a number of at least 0`);
    return value;
  };
  return {
    display,
    hostname: parts.hostname ?? query.hostname ?? "localhost",
    port: parts.port ?? number("port") ?? (tls ? 5671 : 5672),
    username: parts.username ?? query.userid ?? "guest",
    password: parts.password ?? query.password ?? (parts.username === undefined ? "guest" : ""),
    vhost: parts.path ?? query.virtual_host ?? "/",
    loginMethod: loginMethod(
      query.login_method ?? options.loginMethod ?? options.transportOptions.login_method,
      display,
    ),
    tls,
    heartbeat: Math.ceil(number("heartbeat") ?? options.heartbeat),
    connectionTimeout: number("connect_timeout") ?? options.connectionTimeout,
  };
}

function loginMethod(value: unknown, display: string): LoginMethod {
  if (value === undefined || value === null) return "PLAIN";
  const name = typeof value === "string" ? value.toUpperCase() : "";
  if (name === "PLAIN" || name === "AMQPLAIN" || name === "EXTERNAL") return name;
  throw new ImproperlyConfigured(
    `the login method ${JSON.stringify(value)} of ${display} is unknown; known are PLAIN, AMQPLAIN, EXTERNAL`,
  );
}
