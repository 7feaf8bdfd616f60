import { ImproperlyConfigured } from "../../errors.js";
import type { Options } from "./options.js";
import type { ConnectSettings, CredentialProvider } from "./session.js";

/** redis-py's connection options that brokers and result backends share. */
export const CONNECTION_OPTIONS = [
  ...["socket_timeout", "socket_connect_timeout", "socket_keepalive", "socket_keepalive_options"],
  ...["health_check_interval", "client_name", "credential_provider", "reauth_check_interval"],
  ...["retry_on_timeout", "max_connections"],
] as const;

/** Milliseconds of silence before TCP asks for a sign of life, when nothing else is said. */
const KEEP_ALIVE = 30_000;

/** Names and numbers (of Linux) that Python has for the one thing that Node can set. */
const IDLE = ["TCP_KEEPIDLE", "TCP_KEEPALIVE", "4"];

/**
 * How to connect, from options in seconds under redis-py's names.
 *
 * @param defaults seconds for connecting and for answers (undefined: for ever)
 */
export function connectSettings(
  options: Options,
  defaults: { readonly connect: number; readonly answer: number | undefined; readonly healthCheck: number },
): ConnectSettings {
  // Without effect, but a value that makes no sense is a mistake all the same. One connection has one purpose here,
  // so there is no pool to limit; what is tried again is decided by Celery's policies alone.
  options.number("max_connections", undefined);
  options.flag("retry_on_timeout", false);
  options.number("reauth_check_interval", undefined);
  const milliseconds = (seconds: number): number => Math.max(1, Math.ceil(seconds * 1000));
  const socketTimeout = options.number("socket_timeout", undefined) || defaults.answer;
  return {
    connectTimeout: milliseconds(options.number("socket_connect_timeout", undefined) || defaults.connect),
    socketTimeout: socketTimeout === undefined ? undefined : milliseconds(socketTimeout),
    healthCheck: options.number("health_check_interval", defaults.healthCheck) * 1000,
    clientName: options.text("client_name", undefined),
    keepAlive: keepAlive(options),
    credentials: options.function<CredentialProvider>(
      "credential_provider",
      "a function that gives {username, password}, or a promise of it (Python's provider classes cannot run here)",
    ),
  };
}

function keepAlive(options: Options): number | false {
  const wanted = options.flag("socket_keepalive", true);
  let idle = KEEP_ALIVE;
  const values = options.record("socket_keepalive_options", "an object such as {TCP_KEEPIDLE: 60}");
  for (const [name, value] of Object.entries(values)) {
    if (!IDLE.includes(name))
      throw new ImproperlyConfigured(
        `socket_keepalive_options has ${name}, which Node cannot set: it has TCP_KEEPIDLE only; ` +
          `set the others for the whole system (net.ipv4.tcp_keepalive_intvl, tcp_keepalive_probes)`,
      );
    if (typeof value !== "number" || !(value > 0))
      throw new ImproperlyConfigured(
        `socket_keepalive_options.${name} is ${JSON.stringify(value)}: expected seconds, above 0`,
      );
    idle = value * 1000;
  }
  return wanted && idle;
}
