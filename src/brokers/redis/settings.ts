import { CONNECTION_OPTIONS, connectSettings } from "../../util/redis/connection-options.js";
import { Options } from "../../util/redis/options.js";
import { SENTINEL_OPTIONS } from "../../util/redis/sentinel.js";
import type { ConnectSettings } from "../../util/redis/session.js";
import { unknownName } from "../../util/unknown-name.js";
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
  /** Seconds between two renewals of what a consumer holds; 0 for none (ours: `extend_visibility`). */
  readonly renewInterval: number;
  /** Most messages restored in one scan; undefined for all. */
  readonly restoreLimit: number | undefined;
  /** Seconds between two scans. */
  readonly restoreInterval: number;
  readonly fanoutPrefix: string;
  readonly fanoutPatterns: boolean;
  /** Fanout also over the channels of kombu before 5.4, which left `{db}` as it is (Sentinel only). */
  readonly fanoutCompat: boolean;
  readonly globalKeyPrefix: string;
  readonly queueOrder: QueueOrder;
  readonly prioritySteps: readonly number[];
  /** Seconds between two looks at the queues although the server did not tell of anything new. */
  readonly pollingInterval: number;
  readonly connection: ConnectSettings;
}

/** Options of kombu's own connecting, of its virtual base, and of `virtualBroker`. */
const BASE = [
  ...["max_retries", "interval_start", "interval_step", "interval_max", "connect_retries_timeout"],
  ...["errback", "callback", "body_encoding", "deadletter_queue"],
];
const OWN = [
  ...["sep", "ack_emulation", "unacked_key", "unacked_index_key", "unacked_mutex_key", "unacked_mutex_expire"],
  ...["visibility_timeout", "extend_visibility", "unacked_restore_limit", "unacked_restore_interval"],
  ...["unacked_restore_throttle", "fanout_prefix", "fanout_patterns", "sentinel_fanout_compat", "global_keyprefix"],
  ...["queue_order_strategy", "priority_steps", "polling_interval"],
];
const KNOWN: readonly string[] = [...OWN, ...CONNECTION_OPTIONS, ...SENTINEL_OPTIONS, ...BASE];

/** Longest pause between two renewals: peers may have a shorter visibility timeout than we do. */
const LONGEST_RENEWAL = 60;
/** Seconds between kombu's checks of its connections. */
const HEALTH_CHECK = 25;

/**
 * @param connectionTimeout seconds for a connection where `socket_connect_timeout` says nothing
 * @throws ImproperlyConfigured naming the option, its value and what is expected
 */
export function redisSettings(given: Readonly<Record<string, unknown>>, connectionTimeout = 4): RedisSettings {
  const options = new Options("Redis transport option", given);
  for (const name of Object.keys(given))
    if (!KNOWN.includes(name)) throw unknownName("Redis transport option", name, KNOWN);
  const visibilityTimeout = options.number("visibility_timeout", 3600);
  return {
    separator: options.text("sep", "\x06\x16") || options.refuse("sep", "a text that is not empty"),
    ackEmulation: options.flag("ack_emulation", true),
    unackedKey: options.text("unacked_key", "unacked"),
    unackedIndexKey: options.text("unacked_index_key", "unacked_index"),
    unackedMutexKey: options.text("unacked_mutex_key", "unacked_mutex"),
    unackedMutexExpire: options.number("unacked_mutex_expire", 300),
    visibilityTimeout,
    renewInterval: renewInterval(options, visibilityTimeout),
    restoreLimit: options.number("unacked_restore_limit", undefined),
    restoreInterval: restoreInterval(options),
    fanoutPrefix: fanoutPrefix(options),
    fanoutPatterns: options.flag("fanout_patterns", true),
    fanoutCompat: options.flag("sentinel_fanout_compat", false),
    globalKeyPrefix: options.text("global_keyprefix", ""),
    queueOrder: order(options),
    prioritySteps: steps(options),
    pollingInterval: options.number("polling_interval", 1),
    connection: connectSettings(options, { connect: connectionTimeout, answer: undefined, healthCheck: HEALTH_CHECK }),
  };
}

/** True or nothing: a third of the visibility timeout, so that two can fail before a message is given away. */
function renewInterval(options: Options, visibilityTimeout: number): number {
  const value = options.value("extend_visibility") ?? true;
  if (value === false) return 0;
  if (value === true) return Math.min(visibilityTimeout / 3, LONGEST_RENEWAL);
  if (typeof value !== "number" || !(value > 0) || value >= visibilityTimeout)
    return options.refuse(
      "extend_visibility",
      `true, false, or seconds below visibility_timeout (${visibilityTimeout})`,
    );
  return value;
}

/** kombu calls its scan every so many seconds, and every so many calls it really scans. */
function restoreInterval(options: Options): number {
  const given = options.value("unacked_restore_interval");
  const seconds = typeof given === "number" && given <= 0 ? 10 : options.number("unacked_restore_interval", 10);
  return seconds * (options.number("unacked_restore_throttle", 10) || 1);
}

function fanoutPrefix(options: Options): string {
  const value = options.value("fanout_prefix") ?? true;
  if (value === true) return "/{db}.";
  if (value === false || value === "") return "";
  const prefix = options.text("fanout_prefix", "");
  // Receivers cut what comes before the first dot, if there is a slash in front.
  return /^\/[^.]*\.$/.test(prefix)
    ? prefix
    : options.refuse(
        "fanout_prefix",
        'true, false, or a text such as "/app{db}.", with "/" first and its only "." last',
      );
}

function order(options: Options): QueueOrder {
  const value = options.value("queue_order_strategy") ?? "round_robin";
  if (value === "round_robin" || value === "priority" || value === "sorted") return value;
  const remedy =
    typeof value === "function" ? " (kombu takes a class of its own as well; here there are these three)" : "";
  return options.refuse("queue_order_strategy", `"round_robin", "priority" or "sorted"${remedy}`);
}

function steps(options: Options): readonly number[] {
  const value = options.value("priority_steps") ?? [0, 3, 6, 9];
  const valid =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === "number" && Number.isInteger(one) && one >= 0 && one <= 9);
  return valid
    ? [...new Set(value as number[])].sort((a, b) => a - b)
    : options.refuse("priority_steps", "whole numbers from 0 to 9");
}
