import type { Link } from "../../util/redis/link.js";
import type { Route } from "../virtual/store.js";
import type { Keys } from "./keys.js";
import { BIND_EXPIRING, SWEEP } from "./scripts.js";

/** A binding of an expiring queue is kept for at least so long without its consumer, in milliseconds, or ... */
const SHORTEST_LIFE = 3_600_000;
/** ... for so many times the queue's own time. */
const LIFE_FACTOR = 2;
/** Exchanges looked at in one sweep. */
const SWEPT = 100;

/** Milliseconds for which a binding stays without being refreshed (kombu 5.7). */
export const bindingLife = (expires: number): number => Math.max(expires * LIFE_FACTOR, SHORTEST_LIFE);

/**
 * Bindings of named exchanges as kombu 5.7 keeps them: a set for each exchange, a second one with those that stay, and
 * deadlines of exchanges with queues that expire. Older versions know the first set only.
 */
export class Bindings {
  readonly #link: Link;
  readonly #keys: Keys;

  constructor(link: Link, keys: Keys) {
    this.#link = link;
    this.#keys = keys;
  }

  /** `expires`: milliseconds of the queue's `x-expires`. Binding again refreshes. */
  async add(exchange: string, route: Route, expires: number | undefined): Promise<void> {
    const member = this.#keys.member(route);
    const bindings = this.#keys.bindings(exchange);
    if (expires !== undefined) {
      const deadlines = this.#keys.bindingDeadlines;
      await this.#link.run(BIND_EXPIRING, [bindings, deadlines], [member, exchange, bindingLife(expires)]);
    } else await this.#both("SADD", exchange, member);
  }

  async remove(exchange: string, route: Route): Promise<void> {
    await this.#both("SREM", exchange, this.#keys.member(route));
  }

  async of(exchange: string): Promise<readonly Route[]> {
    const members = (await this.#link.call("SMEMBERS", this.#keys.bindings(exchange))) as string[];
    return members.map((member) => this.#keys.route(member));
  }

  /** Removes what consumers that are gone left behind. */
  async sweep(): Promise<void> {
    await this.#link.run(
      SWEEP,
      [this.#keys.bindingDeadlines],
      [this.#keys.bindings(""), this.#keys.permanentBindings(""), SWEPT],
    );
  }

  async #both(command: "SADD" | "SREM", exchange: string, member: string): Promise<void> {
    await Promise.all([
      this.#link.call(command, this.#keys.bindings(exchange), member),
      this.#link.call(command, this.#keys.permanentBindings(exchange), member),
    ]);
  }
}
