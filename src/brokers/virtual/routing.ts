import { matchTopic, topicPattern } from "../../protocol/queue.js";
import type { Exchange, Queue } from "../../protocol/queue.js";
import type { Route } from "./store.js";

/**
 * Queues that a routing key reaches, each once. A binding with a pattern is a topic binding, whatever type the sender
 * believes the exchange to have: kombu does not store the type, so two processes may disagree about it.
 */
export function queuesFor(routes: readonly Route[], routingKey: string): string[] {
  const queues = new Set<string>();
  for (const route of routes) {
    const matches = route.pattern === "" ? route.routingKey === routingKey : matchTopic(route.pattern, routingKey);
    if (matches) queues.add(route.queue);
  }
  return [...queues];
}

/** In which order queues are asked: `round_robin` moves the one just served to the end, the others stay as they are. */
export type QueueOrder = "round_robin" | "priority" | "sorted";

/** The queues of one consumer in the order in which they are to be asked. */
export class QueueCycle {
  #queues: string[] = [];
  readonly #order: QueueOrder;
  constructor(order: QueueOrder) {
    this.#order = order;
  }

  get queues(): readonly string[] {
    return this.#queues;
  }

  add(queue: string): void {
    if (this.#queues.includes(queue)) return;
    this.#queues = [...this.#queues, queue];
    if (this.#order === "sorted") this.#queues.sort();
  }

  remove(queue: string): void {
    this.#queues = this.#queues.filter((one) => one !== queue);
  }

  clear(): void {
    this.#queues = [];
  }

  served(queue: string): void {
    if (this.#order !== "round_robin" || this.#queues.length < 2 || this.#queues.at(-1) === queue) return;
    if (this.#queues.includes(queue)) this.#queues = [...this.#queues.filter((one) => one !== queue), queue];
  }
}

/** What a queue is bound to; the default exchange needs no binding. */
export function routesOf(queue: Queue): { readonly exchange: Exchange; readonly route: Route }[] {
  return [{ exchange: queue.exchange, routingKey: queue.routingKey }, ...queue.bindings]
    .filter(({ exchange }) => exchange.name !== "")
    .map(({ exchange, routingKey }) => ({
      exchange,
      route: { routingKey, pattern: exchange.type === "topic" ? topicPattern(routingKey) : "", queue: queue.name },
    }));
}
