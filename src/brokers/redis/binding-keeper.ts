import type { Queue } from "../../protocol/queue.js";
import type { Logger } from "../../util/logger.js";
import { every } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import { routesOf } from "../virtual/routing.js";
import { bindingLife } from "./bindings.js";
import type { Bindings } from "./bindings.js";

/** Milliseconds between two looks for bindings that consumers which are gone left behind. */
const SWEEP_EVERY = 60_000;

/**
 * Keeps the bindings of consumed queues that expire, and removes those of others whose time is over (kombu 5.7). A
 * consumer without such queues does nothing.
 */
export class BindingKeeper {
  readonly #bindings: Bindings;
  readonly #logger: Logger;
  readonly #queues = new Map<string, { readonly queue: Queue; readonly expires: number }>();
  #refreshing: Timer | undefined;
  #sweeping: Timer | undefined;

  constructor(bindings: Bindings, logger: Logger) {
    this.#bindings = bindings;
    this.#logger = logger;
  }

  add(queue: Queue): void {
    const expires = expiry(queue);
    if (expires === undefined || routesOf(queue).length === 0) return;
    this.#queues.set(queue.name, { queue, expires });
    this.#schedule();
    this.#sweeping ??= every(SWEEP_EVERY, () => this.#attempt(() => this.#bindings.sweep()));
  }

  remove(queue: string): void {
    if (!this.#queues.delete(queue)) return;
    if (this.#queues.size === 0) this.stop();
    else this.#schedule();
  }

  stop(): void {
    this.#queues.clear();
    this.#refreshing?.cancel();
    this.#sweeping?.cancel();
    this.#refreshing = this.#sweeping = undefined;
  }

  #schedule(): void {
    this.#refreshing?.cancel();
    const shortest = Math.min(...Array.from(this.#queues.values(), ({ expires }) => bindingLife(expires)));
    this.#refreshing = every(Math.min(shortest / 3, 2 ** 31 - 1), () => this.#attempt(() => this.#refresh()));
  }

  async #refresh(): Promise<void> {
    for (const { queue, expires } of this.#queues.values())
      for (const { exchange, route } of routesOf(queue)) await this.#bindings.add(exchange.name, route, expires);
  }

  #attempt(work: () => Promise<void>): void {
    work().catch((error: unknown) =>
      this.#logger.debug("bindings of queues that expire could not be kept up; trying again later", { error }),
    );
  }
}

/** Milliseconds after which the unused queue goes away (`x-expires`), or undefined. */
export function expiry({ arguments: { "x-expires": value } }: Queue): number | undefined {
  const milliseconds = Math.trunc(Number(value ?? NaN));
  return milliseconds > 0 ? milliseconds : undefined;
}
