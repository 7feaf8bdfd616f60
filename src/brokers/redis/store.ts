import type { Queue } from "../../protocol/queue.js";
import { Link } from "../../util/redis/link.js";
import { after } from "../../util/time.js";
import type { MessageSource, MessageStore, PutOptions, Route, SourceEvents, SourceOptions } from "../virtual/store.js";
import { expiry } from "./binding-keeper.js";
import { Bindings } from "./bindings.js";
import { RIGHTS } from "./parts.js";
import type { RedisParts } from "./parts.js";
import { PushBatch } from "./push-batch.js";
import { PURGE, PUSH_EXPIRING } from "./scripts.js";
import { RedisSource } from "./source.js";
import type { RedisReceipt } from "./source.js";

/** A queue that goes away by itself. */
interface Expiring {
  readonly milliseconds: number;
  readonly lists: readonly string[];
}

/** The sending side: one connection for everything but consuming. */
export class RedisStore implements MessageStore<RedisReceipt> {
  readonly #parts: RedisParts;
  /** Milliseconds that `close` waits for answers. */
  readonly #patience: number;
  readonly #link: Link;
  readonly #bindings: Bindings;
  readonly #pushes: PushBatch;
  /** `x-expires` of queues that this process declared (as kombu: nobody else knows), by queue and by list. */
  readonly #expires = new Map<string, number>();
  readonly #expiring = new Map<string, Expiring>();
  #forgotten: () => void = () => undefined;

  /** `patience`: milliseconds that `close` waits for a server that does not answer. */
  constructor(parts: RedisParts, patience: number) {
    this.#parts = parts;
    this.#patience = patience;
    this.#link = new Link(parts.addresses, parts.connect, { lost: () => this.#forgotten(), rights: RIGHTS });
    this.#bindings = new Bindings(this.#link, parts.keys);
    this.#pushes = new PushBatch((list, texts) => this.#push(list, texts));
  }

  onForgotten(listener: () => void): void {
    this.#forgotten = listener;
  }

  async connect(): Promise<void> {
    await this.#link.session();
  }

  declared(queue: Queue): void {
    const milliseconds = expiry(queue);
    const lists = this.#parts.keys.lists(queue.name);
    if (milliseconds === undefined) this.#expires.delete(queue.name);
    else this.#expires.set(queue.name, milliseconds);
    for (const list of lists)
      if (milliseconds === undefined) this.#expiring.delete(list);
      else this.#expiring.set(list, { milliseconds, lists });
  }

  async bind(exchange: string, route: Route): Promise<void> {
    await this.#bindings.add(exchange, route, this.#expires.get(route.queue));
  }

  async unbind(exchange: string, route: Route): Promise<void> {
    await this.#bindings.remove(exchange, route);
  }

  routes(exchange: string): Promise<readonly Route[]> {
    return this.#bindings.of(exchange);
  }

  put(queue: string, text: string, { priority }: PutOptions): Promise<void> {
    return this.#pushes.add(this.#parts.keys.list(queue, priority), text);
  }

  async broadcast(exchange: string, routingKey: string, text: string): Promise<number> {
    const channels = this.#parts.keys.channels(exchange, routingKey);
    const reached = await Promise.all(channels.map((channel) => this.#link.call("PUBLISH", channel, text)));
    return (reached as number[]).reduce((sum, receivers) => sum + receivers, 0);
  }

  async size(queue: string): Promise<number> {
    const sizes = await Promise.all(this.#parts.keys.lists(queue).map((list) => this.#link.call("LLEN", list)));
    return (sizes as number[]).reduce((sum, size) => sum + size, 0);
  }

  async purge(queue: string): Promise<number> {
    return (await this.#link.run(PURGE, this.#parts.keys.lists(queue), [])) as number;
  }

  async remove(queue: string): Promise<void> {
    await this.#link.call("DEL", ...this.#parts.keys.lists(queue));
  }

  source(events: SourceEvents, { noAck }: SourceOptions): MessageSource<RedisReceipt> {
    return new RedisSource(this.#parts, events, noAck);
  }

  async close(): Promise<void> {
    // A server that went silent must not keep the program from ending.
    const timer = after(this.#patience, () => this.#link.reset());
    await this.#pushes.drained();
    await this.#link.close();
    timer.cancel();
  }

  #push(list: string, texts: readonly string[]): Promise<unknown> {
    const expiring = this.#expiring.get(list);
    if (!expiring) return this.#link.call("LPUSH", list, ...texts);
    return this.#link.run(PUSH_EXPIRING, [list, ...expiring.lists], [expiring.milliseconds, ...texts]);
  }
}
