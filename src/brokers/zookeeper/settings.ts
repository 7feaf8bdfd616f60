import { ImproperlyConfigured } from "../../errors.js";

/** Celery's `broker_transport_options` for ZooKeeper: kombu has only the general ones; two are ours. */
export interface ZooKeeperSettings {
  /** Seconds between two looks at the queues although the server did not tell of anything new. */
  readonly pollingInterval: number;
  /** Ours: seconds of silence after which the server forgets a connection. */
  readonly sessionTimeout: number;
  /** Ours: the server's `jute.maxbuffer`, the bytes of the largest packet it takes. */
  readonly maxBuffer: number;
}

type Options = Readonly<Record<string, unknown>>;

/** ZooKeeper's default of `jute.maxbuffer`. */
export const MAX_BUFFER = 0xfffff;

const READ = [
  ...["polling_interval", "session_timeout", "jute_maxbuffer"],
  // By `virtualBroker`.
  ...["body_encoding", "deadletter_queue", "interval_start", "interval_step", "interval_max"],
];

/** What kombu takes for every transport and what is nothing to us. */
const PYTHON_ONLY = ["max_retries", "connect_retries_timeout", "errback", "callback"];

/** @throws ImproperlyConfigured naming the option, its value and what is expected */
export function zookeeperSettings(options: Options): ZooKeeperSettings {
  for (const name of Object.keys(options))
    if (!READ.includes(name) && !PYTHON_ONLY.includes(name))
      throw new ImproperlyConfigured(`ZooKeeper has no transport option "${name}"; known are ${READ.join(", ")}`);
  return {
    pollingInterval: number(options, "polling_interval", 1, 0.001),
    sessionTimeout: number(options, "session_timeout", 30, 0.1),
    maxBuffer: number(options, "jute_maxbuffer", MAX_BUFFER, 1024),
  };
}

function number(options: Options, name: string, otherwise: number, least: number): number {
  const value = options[name] ?? otherwise;
  if (typeof value === "number" && value >= least && value < Infinity) return value;
  throw new ImproperlyConfigured(
    `ZooKeeper transport option ${name} is ${JSON.stringify(value)}: expected a number, ${least} or more`,
  );
}
