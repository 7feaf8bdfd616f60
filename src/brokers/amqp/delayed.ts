import { CeleryError, PublishError } from "../../errors.js";
import {
  type Binding,
  type Destination,
  type Exchange,
  type Queue,
  exchange as anExchange,
  queue as aQueue,
} from "../../protocol/queue.js";
import { now } from "../../util/time.js";
import type { DeliveryInfo, PublishOptions } from "../broker.js";
import type { Topology } from "./topology.js";

/**
 * Celery's native delayed delivery (kombu/transport/native_delayed_delivery.py, celery/worker/consumer/
 * delayed_delivery.py): RabbitMQ itself holds a message back. Level n is a topic exchange and a queue whose messages die
 * after 2^n seconds. The delay in seconds goes before the routing key as 28 labels, its binary digits; at each level a
 * 1 leads through the queue and a 0 past it, to the next lower level. What has passed level 0 arrives at the delivery
 * exchange, which knows by the rest of the key where it was meant to go.
 */

const LEVELS = 28;
/** Seconds, over eight years. A longer delay is cut to it; the worker looks at the ETA again. */
export const MAX_DELAY = 2 ** LEVELS - 1;
/** Milliseconds for the way from the call to here: a countdown of one second is still one. */
const SLACK = 50;
/** AMQP's limit for a routing key, in bytes. */
const MAX_KEY = 255;
const LABELS = /^(?:[01]\.){28}/;
const NAMES = /^(?:.+_)?celery_delayed_(?:delivery|\d+)$/;

const level = (index: number): Exchange => anExchange(`celery_delayed_${index}`, { type: "topic" });
const delivery = anExchange("celery_delayed_delivery", { type: "topic" });
const entrance = level(LEVELS - 1);

export const isEntrance = (exchange: Exchange): boolean => exchange.name === entrance.name;

/** Celery's condition, the same for senders and workers: one of the application's queues is a quorum queue. */
export const hasQuorum = (queues: readonly Queue[]): boolean =>
  queues.some((queue) => queue.arguments["x-queue-type"] === "quorum");

/**
 * Where to send a message that has to wait; undefined when it goes straight to its destination and the worker waits.
 * So it is below one second, for direct exchanges (which compare the whole key), for queues that come and go, and for
 * keys that no binding of ours takes: the delivery exchange would drop them without a word when their time has come.
 */
export function delayedRoute(
  to: Destination,
  { until, queues }: NonNullable<PublishOptions["delay"]>,
): Destination | undefined {
  const delay = Math.min(Math.floor((until - now() + SLACK) / 1000), MAX_DELAY);
  if (!(delay >= 1) || to.routingKey === "" || !hasQuorum(queues)) return undefined;
  // A task that is sent on may carry the labels of its last delay.
  const key = to.routingKey.replace(LABELS, "");
  if (!queues.some((queue) => takes(queue, { ...to, routingKey: key }))) return undefined;
  const routingKey = `${[...delay.toString(2).padStart(LEVELS, "0")].join(".")}.${key}`;
  return Buffer.byteLength(routingKey) > MAX_KEY ? undefined : { exchange: entrance, routingKey };
}

/** Where a message was meant to go, for one that took the way of delayed ones; else as it says. */
export function undelayed(
  exchange: string,
  routingKey: string,
  queue: Queue,
): Pick<DeliveryInfo, "exchange" | "routingKey"> {
  if (!exchange.includes("celery_delayed_") || !NAMES.test(exchange) || !LABELS.test(routingKey))
    return { exchange, routingKey };
  const key = routingKey.replace(LABELS, "");
  const way = bindingsFor(queue).find(
    (one) => one.exchange.type !== "topic" || matches(words(one.routingKey), words(key)),
  );
  return { exchange: (way ?? queue).exchange.name, routingKey: key };
}

const words = (key: string): string[] => key.split(".");

/** AMQP's topic patterns: `*` is one word, `#` any number of them, none included. */
function matches([first, ...rest]: string[], key: string[]): boolean {
  if (first === undefined) return key.length === 0;
  if (first === "#") return matches(rest, key) || (key.length > 0 && matches([first, ...rest], key.slice(1)));
  return (first === "*" ? key.length > 0 : first === key[0]) && matches(rest, key.slice(1));
}

/** Makes the levels exist, and the ways from them to the queues. Asks the server once per connection. */
export function declareDelays(
  topology: Topology,
  queues: readonly Queue[],
  queueType: "classic" | "quorum",
): Promise<void> {
  return topology.once("delays", async () => {
    await topology.ensureExchange(delivery);
    for (let index = 0; index < LEVELS; index++) {
      const [from, next] = [level(index), index === 0 ? delivery : level(index - 1)];
      await topology.ensureExchange(from);
      await topology.ensureQueue(
        aQueue(from.name, {
          arguments: {
            "x-queue-type": queueType,
            "x-overflow": "reject-publish",
            "x-message-ttl": 2 ** index * 1000,
            "x-dead-letter-exchange": next.name,
            ...(queueType === "quorum" && { "x-dead-letter-strategy": "at-least-once" }),
          },
        }),
      );
      const higher = "*.".repeat(LEVELS - 1 - index);
      await topology.bindQueue(from.name, from.name, `${higher}1.#`);
      await topology.bindExchange(next.name, from.name, `${higher}0.#`);
    }
    for (const queue of queues) await bindDelays(topology, queue);
  });
}

/**
 * Sees to it that a delayed message will arrive: without the levels the server would refuse it, without the bindings
 * lose it when its time has come.
 *
 * @throws PublishError when no worker has made the levels, or when none of the queues that it is for exists
 */
export async function requireDelays(topology: Topology, to: Destination, queues: readonly Queue[]): Promise<void> {
  await topology.once("delays exist", async () => {
    if (await topology.exchangeExists(entrance.name)) return;
    const { display } = topology.link.endpoint;
    throw new PublishError(
      `${display} cannot hold back a message with a countdown or an ETA: there is no exchange "${entrance.name}". ` +
        "Start a worker that consumes quorum queues (Celery 5.5 or later, or ours): workers set up delayed delivery",
    );
  });
  let arrives = false;
  for (const queue of queues) if (takes(queue, to) && (await bindDelays(topology, queue))) arrives = true;
  if (!arrives)
    throw new PublishError(
      `no queue would take the delayed message for exchange "${to.exchange.name}", routing key "${to.routingKey}": ` +
        "declare and bind the queue, or check the routing key",
    );
}

/** Whether a message for there gets from the delivery exchange into the queue, once the queue is bound. */
const takes = (queue: Queue, { exchange, routingKey }: Destination): boolean =>
  bindingsFor(queue, exchange).some((one) => matches(words(one.routingKey), words(routingKey)));

/** The bindings over which delayed messages can reach a queue: to an exchange that looks at parts of the key, or at none. */
function bindingsFor(queue: Queue, exchange?: Exchange): Binding[] {
  // Queues that go away with their consumer are not waited for.
  if (queue.autoDelete || queue.exclusive) return [];
  const own = { exchange: queue.exchange, routingKey: queue.routingKey, arguments: {} };
  return [own, ...queue.bindings].filter(
    (one) =>
      one.exchange.type !== "direct" &&
      one.exchange.name !== "" &&
      (exchange === undefined || one.exchange.name === exchange.name),
  );
}

/** False when the queue does not exist (yet): it is bound by who makes it, or when it is next sent to. */
async function bindDelays(topology: Topology, queue: Queue): Promise<boolean> {
  const bindings = bindingsFor(queue);
  if (bindings.length === 0) return true;
  const key = `delays of ${queue.name}`;
  if (!topology.isDone(key) && (await topology.count(queue.name)) === undefined) return false;
  await topology.once(key, async () => {
    for (const { exchange, routingKey } of bindings) {
      const pattern = routingKey.startsWith("#") ? routingKey : `#.${routingKey}`;
      await topology.declareExchange(exchange);
      await topology.bindExchange(exchange.name, delivery.name, pattern);
      // Fanout takes every key; to a headers exchange a binding without arguments would bring everything.
      if (exchange.type === "topic") await topology.bindQueue(queue.name, exchange.name, pattern);
    }
  });
  return true;
}

/** What a worker says when delayed delivery cannot be set up; it consumes all the same, as Celery's does. */
export const delaysFailed = (error: unknown): string =>
  "delayed delivery could not be set up: tasks with a countdown or an ETA cannot be sent to quorum queues " +
  `(${error instanceof CeleryError ? error.message : String(error)})`;
