import { ImproperlyConfigured } from "../../errors.js";
import type { QueueOrder } from "../virtual/routing.js";

/** Celery's `broker_transport_options` for Redis, checked, with kombu's defaults (kombu/transport/redis.py). */
export interface RedisSettings {
  readonly separator: string;
  readonly ackEmulation: boolean;
  readonly unackedKey: string;
  readonly unackedIndexKey: string;
  readonly unackedMutexKey: string;
  /** Seconds. */
  readonly unackedMutexExpire: number;
  /** Seconds after which a message nobody acknowledged is given to somebody else. */
  readonly visibilityTimeout: number;
  /** Most messages restored in one scan; undefined for all. */
  readonly restoreLimit: number | undefined;
  /** Seconds between two scans. */
  readonly restoreInterval: number;
  readonly fanoutPrefix: string;
  readonly fanoutPatterns: boolean;
  readonly globalKeyPrefix: string;
  readonly queueOrder: QueueOrder;
  readonly prioritySteps: readonly number[];
  readonly clientName: string | undefined;
  /** Seconds; 0 for none. */
  readonly healthCheckInterval: number;
  /** Seconds between two looks at the queues although the server did not tell of anything new. */
  readonly pollingInterval: number;
  readonly socketKeepalive: boolean;
  /** Seconds; undefined for the connection timeout of the app. */
  readonly socketConnectTimeout: number | undefined;
}

type Options = Readonly<Record<string, unknown>>;

/** @throws ImproperlyConfigured naming the option, its value and what is expected */
export function redisSettings(options: Options): RedisSettings {
  const fanoutPrefix = options["fanout_prefix"] ?? true;
  return {
    separator: text(options, "sep", "\x06\x16"),
    ackEmulation: flag(options, "ack_emulation", true),
    unackedKey: text(options, "unacked_key", "unacked"),
    unackedIndexKey: text(options, "unacked_index_key", "unacked_index"),
    unackedMutexKey: text(options, "unacked_mutex_key", "unacked_mutex"),
    unackedMutexExpire: number(options, "unacked_mutex_expire", 300),
    visibilityTimeout: number(options, "visibility_timeout", 3600),
    restoreLimit: options["unacked_restore_limit"] == null ? undefined : number(options, "unacked_restore_limit", 0),
    restoreInterval:
      (number(options, "unacked_restore_interval", 10) || 10) * (number(options, "unacked_restore_throttle", 10) || 1),
    fanoutPrefix: fanoutPrefix === true ? "/{db}." : fanoutPrefix === false ? "" : text(options, "fanout_prefix", ""),
    fanoutPatterns: flag(options, "fanout_patterns", true),
    globalKeyPrefix: text(options, "global_keyprefix", ""),
    queueOrder: order(options),
    prioritySteps: steps(options),
    clientName: options["client_name"] == null ? undefined : text(options, "client_name", ""),
    healthCheckInterval: number(options, "health_check_interval", 25),
    pollingInterval: options["polling_interval"] == null ? 1 : number(options, "polling_interval", 1),
    socketKeepalive: options["socket_keepalive"] == null ? true : flag(options, "socket_keepalive", true),
    socketConnectTimeout:
      options["socket_connect_timeout"] == null ? undefined : number(options, "socket_connect_timeout", 0),
  };
}

function refuse(name: string, value: unknown, expected: string): never {
  throw new ImproperlyConfigured(`Redis transport option ${name} is ${JSON.stringify(value)}: expected ${expected}`);
}

function text(options: Options, name: string, otherwise: string): string {
  const value = options[name] ?? otherwise;
  return typeof value === "string" ? value : refuse(name, value, "a text");
}

function flag(options: Options, name: string, otherwise: boolean): boolean {
  const value = options[name] ?? otherwise;
  return typeof value === "boolean" ? value : refuse(name, value, "true or false");
}

function number(options: Options, name: string, otherwise: number): number {
  const value = options[name] ?? otherwise;
  return typeof value === "number" && value >= 0 ? value : refuse(name, value, "a number, 0 or more");
}

function order(options: Options): QueueOrder {
  const value = options["queue_order_strategy"] ?? "round_robin";
  return value === "round_robin" || value === "priority" || value === "sorted"
    ? value
    : refuse("queue_order_strategy", value, '"round_robin", "priority" or "sorted"');
}

function steps(options: Options): readonly number[] {
  const value = options["priority_steps"] ?? [0, 3, 6, 9];
  const valid =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === "number" && Number.isInteger(one) && one >= 0 && one <= 9);
  return valid
    ? (value as number[]).toSorted((a, b) => a - b)
    : refuse("priority_steps", value, "whole numbers from 0 to 9");
}
