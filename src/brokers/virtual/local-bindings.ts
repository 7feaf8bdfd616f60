import type { Route } from "./store.js";

/**
 * Bindings that only this process knows, for stores that keep none (kombu/transport/virtual/base.py `BrokerState`):
 * a sender reaches a named exchange's queues only after declaring them itself.
 */
export class LocalBindings {
  readonly #routes = new Map<string, readonly Route[]>();

  bind(exchange: string, route: Route): void {
    const known = this.routes(exchange);
    if (!known.some((one) => same(one, route))) this.#routes.set(exchange, [...known, route]);
  }

  unbind(exchange: string, route: Route): void {
    const left = this.routes(exchange).filter((one) => !same(one, route));
    if (left.length > 0) this.#routes.set(exchange, left);
    else this.#routes.delete(exchange);
  }

  routes(exchange: string): readonly Route[] {
    return this.#routes.get(exchange) ?? [];
  }
}

const same = (a: Route, b: Route): boolean =>
  a.queue === b.queue && a.routingKey === b.routingKey && a.pattern === b.pattern;
