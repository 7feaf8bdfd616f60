import type { Queue } from "../../protocol/queue.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Broker, BrokerCapabilities, BrokerOptions } from "../broker.js";
import { redelivered } from "../virtual/redelivered.js";
import { virtualBroker } from "../virtual/broker.js";
import type {
  GiveBackTo,
  MessageSource,
  MessageStore,
  PutOptions,
  Route,
  SourceEvents,
  Taken,
} from "../virtual/store.js";
import { memoryState } from "./state.js";
import type { MemoryState, Waiting } from "./state.js";

const capabilities: BrokerCapabilities = {
  fanout: true,
  topic: true,
  priority: "highest-first",
  redelivery: false,
  persistent: false,
  unroutable: true,
  expiration: true,
  delivery: "push",
};

/**
 * Queues inside this process, for tests and for programs that send tasks to themselves: `memory://` or
 * `memory://some-name`. Brokers opened with the same name see the same queues, until the process ends.
 */
export default function open(url: string, options: BrokerOptions): Broker {
  const name = url.replace(/^[^:]*:\/\//, "").replace(/\/+$/, "");
  return virtualBroker(new MemoryStore(memoryState(name)), {
    scheme: schemeOf(url),
    displayUrl: maskUrl(url),
    capabilities,
    options,
  });
}

class MemoryStore implements MessageStore<Waiting> {
  readonly #state: MemoryState;
  constructor(state: MemoryState) {
    this.#state = state;
  }

  async connect(): Promise<void> {}

  async bind(exchange: string, route: Route): Promise<void> {
    const routes = this.#state.routes.get(exchange) ?? [];
    if (!routes.some((one) => same(one, route))) this.#state.routes.set(exchange, [...routes, route]);
  }

  async unbind(exchange: string, route: Route): Promise<void> {
    const rest = (this.#state.routes.get(exchange) ?? []).filter((one) => !same(one, route));
    if (rest.length > 0) this.#state.routes.set(exchange, rest);
    else this.#state.routes.delete(exchange);
  }

  async routes(exchange: string): Promise<readonly Route[]> {
    return this.#state.routes.get(exchange) ?? [];
  }

  async put(queue: string, text: string, options: PutOptions): Promise<void> {
    this.#state.put(queue, text, options);
  }

  async size(queue: string): Promise<number> {
    return this.#state.queues.get(queue)?.size ?? 0;
  }

  async purge(queue: string): Promise<number> {
    const size = await this.size(queue);
    this.#state.queues.delete(queue);
    return size;
  }

  async remove(queue: string): Promise<void> {
    this.#state.queues.delete(queue);
  }

  source(events: SourceEvents): MessageSource<Waiting> {
    return new MemorySource(this.#state, events);
  }

  async close(): Promise<void> {}
}

class MemorySource implements MessageSource<Waiting> {
  readonly pollInterval = Infinity;
  readonly #state: MemoryState;
  readonly #wake: () => void;
  readonly #queues = new Set<string>();

  constructor(state: MemoryState, events: SourceEvents) {
    this.#state = state;
    this.#wake = () => events.wake();
  }

  async open(): Promise<void> {}

  async attach(queue: Queue): Promise<boolean> {
    this.#queues.add(queue.name);
    this.#state.listen(queue.name, this.#wake);
    return true;
  }

  async detach(queue: Queue): Promise<void> {
    this.#queues.delete(queue.name);
    this.#state.unlisten(queue.name, this.#wake);
  }

  async take(queues: readonly string[], limit: number): Promise<readonly Taken<Waiting>[]> {
    const taken: Taken<Waiting>[] = [];
    // One message of each queue in turn, so that no queue starves another.
    for (let before = -1; taken.length < limit && taken.length > before;) {
      before = taken.length;
      for (const queue of queues) {
        const receipt = taken.length < limit ? this.#state.queues.get(queue)?.take() : undefined;
        if (receipt) taken.push({ queue, text: receipt.text, receipt });
      }
    }
    return taken;
  }

  /** Every new message wakes. */
  async arm(): Promise<boolean> {
    return false;
  }

  settle(): void {}

  async giveBack(taken: readonly Taken<Waiting>[], to: GiveBackTo): Promise<void> {
    for (const { queue, text, receipt } of to === "front" ? taken.toReversed() : taken)
      this.#state.add(queue, { ...receipt, text: redelivered(text, "top-level") }, to === "front");
  }

  drop(): void {}

  async close(): Promise<void> {
    for (const queue of this.#queues) this.#state.unlisten(queue, this.#wake);
    this.#queues.clear();
  }
}

const same = (a: Route, b: Route): boolean =>
  a.queue === b.queue && a.routingKey === b.routingKey && a.pattern === b.pattern;
