import type { PublishOptions } from "../brokers/broker.js";
import { ImproperlyConfigured } from "../errors.js";
import { fnmatchRegex } from "../protocol/fnmatch.js";
import { parseIsoTime } from "../protocol/iso-time.js";
import { type Destination, type Queue, defaultExchange } from "../protocol/queue.js";
import type { Config } from "./config.js";
import type { Queues } from "./queues.js";
import type { Route, RouteFunction, RouteTable } from "./routes.js";
import type { CallOptions } from "./types.js";

/** Where a message goes, and which queue must exist first. */
export interface Routed {
  readonly destination: Destination;
  readonly declare: readonly Queue[];
  /** Whether reaching no queue is an error. Default true. */
  readonly mandatory?: boolean;
}

/** Celery's routing (celery/app/routes.py and `send_task_message`): call options, then routes, then the default queue. */
export class Router {
  readonly #queues: Queues;
  readonly #config: Readonly<Config>;
  readonly #routes: readonly RouteFunction[];
  readonly #byQueue = new Map<string, Routed>();

  constructor(queues: Queues, config: Readonly<Config>) {
    this.#queues = queues;
    this.#config = config;
    this.#routes = compile(config.taskRoutes);
  }

  /** The call options with what the routes add; options that were given win. */
  expand(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    options: Readonly<CallOptions>,
  ): Readonly<CallOptions> {
    if (this.#routes.length === 0 || options.queue !== undefined) return options;
    for (const ask of this.#routes) {
      const answer = ask(name, args, kwargs, options);
      if (answer === null || answer === undefined) continue;
      return { ...(typeof answer === "string" ? { queue: answer } : answer), ...defined(options) };
    }
    return options;
  }

  destination(options: Readonly<CallOptions>): Routed {
    const name = options.queue ?? this.#config.taskDefaultQueue;
    if (options.exchange === undefined && options.routingKey === undefined) {
      let routed = this.#byQueue.get(name);
      if (!routed) this.#byQueue.set(name, (routed = this.#route(name, options)));
      return routed;
    }
    return this.#route(name, options);
  }

  /** For a broker that can hold a message back until it may run. */
  delay(eta: string | null): PublishOptions["delay"] {
    return eta === null ? undefined : { until: parseIsoTime(eta), queues: this.#queues.all };
  }

  #route(name: string, options: Readonly<CallOptions>): Routed {
    const queue = this.#queues.get(name);
    const named = options.exchange === undefined ? undefined : this.#queues.exchange(options.exchange);
    // Each worker makes its own queue of a broadcast; a message that nobody listens to is no error.
    if (this.#queues.isBroadcast(queue) && options.exchange === undefined) {
      const routingKey = options.routingKey ?? queue.routingKey;
      return { destination: { exchange: queue.exchange, routingKey }, declare: [], mandatory: false };
    }
    const declare = [queue];
    // A direct exchange is left out of the way, as Celery does, unless the caller names both ends.
    if ((named ?? queue.exchange).type === "direct" && !(options.exchange && options.routingKey))
      return { destination: { exchange: defaultExchange, routingKey: name }, declare };
    const routingKey = options.routingKey ?? queue.routingKey;
    return { destination: { exchange: named ?? queue.exchange, routingKey }, declare };
  }
}

function defined(options: Readonly<CallOptions>): CallOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

function compile(table: RouteTable | null): RouteFunction[] {
  if (table === null) return [];
  if (typeof table === "function") return [table];
  if (!Array.isArray(table)) return [fromPairs(Object.entries(table as Readonly<Record<string, Route>>))];
  const list = table as readonly unknown[];
  if (list.every(isPair)) return [fromPairs(list)];
  return list.flatMap((one) => {
    if (typeof one === "function" || (typeof one === "object" && one !== null && !Array.isArray(one)))
      return compile(one as RouteTable);
    throw new ImproperlyConfigured(
      `an entry of taskRoutes is ${String(one)}; expected a map, a function or [pattern, route]`,
    );
  });
}

type Pair = readonly [pattern: string | RegExp, route: Route];

const isPair = (one: unknown): one is Pair =>
  Array.isArray(one) && one.length === 2 && (typeof one[0] === "string" || one[0] instanceof RegExp);

function fromPairs(pairs: readonly Pair[]): RouteFunction {
  const exact = new Map<string, Route>();
  const patterns: (readonly [RegExp, Route])[] = [];
  for (const [key, route] of pairs) {
    if (key instanceof RegExp) patterns.push([atStart(key), route]);
    else if (key.includes("*")) patterns.push([fnmatchRegex(key), route]);
    else exact.set(key, route);
  }
  return (name) => exact.get(name) ?? patterns.find(([pattern]) => pattern.test(name))?.[1];
}

/** Python's `re.match`: the pattern must match at the start. A global flag would make `test` remember its position. */
const atStart = (pattern: RegExp): RegExp => new RegExp(`^(?:${pattern.source})`, pattern.flags.replace(/[gy]/g, ""));
