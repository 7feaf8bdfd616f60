import { ImproperlyConfigured } from "../../errors.js";

/** Celery's `broker_transport_options` for RabbitMQ, checked. */
export interface AmqpSettings {
  readonly frameMax: number | undefined;
  readonly channelMax: number | undefined;
  readonly clientProperties: Readonly<Record<string, unknown>>;
  /** Seconds that publishing waits for a server that blocks it; 0 for no limit. */
  readonly blockedTimeout: number;
  /** Milliseconds before the given attempt of a consumer to come back, counted from 1: a row like kombu's, begun sooner. */
  readonly delay: (attempt: number) => number;
}

type Options = Readonly<Record<string, unknown>>;

const READ = [
  ...["login_method", "frame_max", "channel_max", "client_properties", "blocked_connection_timeout"],
  ...["interval_start", "interval_step", "interval_max"],
];

/** What py-amqp and kombu take and what is nothing to us: confirms are always on, Node's sockets need no such timeouts. */
const PYTHON_ONLY = [
  ...["confirm_publish", "read_timeout", "write_timeout", "socket_settings", "login_response", "locale", "on_blocked"],
  ...["on_unblocked", "on_open", "max_retries", "connect_retries_timeout", "errback", "callback"],
];

/** @throws ImproperlyConfigured naming the option, its value and what is expected */
export function amqpSettings(options: Options): AmqpSettings {
  for (const name of Object.keys(options))
    if (!READ.includes(name) && !PYTHON_ONLY.includes(name))
      throw new ImproperlyConfigured(`RabbitMQ has no transport option "${name}"; known are ${READ.join(", ")}`);
  const start = number(options, "interval_start") ?? 1;
  const step = number(options, "interval_step") ?? 1;
  const max = number(options, "interval_max") ?? 30;
  return {
    frameMax: number(options, "frame_max"),
    channelMax: number(options, "channel_max"),
    clientProperties: properties(options),
    blockedTimeout: number(options, "blocked_connection_timeout") ?? 60,
    delay: (attempt) => Math.min(max, start + step * (attempt - 1)) * 1000,
  };
}

function number(options: Options, name: string): number | undefined {
  const value = options[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= 0) return value;
  throw new ImproperlyConfigured(
    `the transport option "${name}" is ${JSON.stringify(value)}: expected a number of at least 0`,
  );
}

function properties(options: Options): Readonly<Record<string, unknown>> {
  const value = options["client_properties"] ?? {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  throw new ImproperlyConfigured(`the transport option "client_properties" must be an object`);
}
