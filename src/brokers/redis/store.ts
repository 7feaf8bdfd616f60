import type { Logger } from "../../util/logger.js";
import { after } from "../../util/time.js";
import type { MessageSource, MessageStore, PutOptions, Route, SourceEvents, SourceOptions } from "../virtual/store.js";
import type { Keys } from "./keys.js";
import { Link } from "./link.js";
import type { Addresses, Connect } from "./link.js";
import { PushBatch } from "./push-batch.js";
import { PURGE } from "./scripts.js";
import type { RedisSettings } from "./settings.js";
import { RedisSource } from "./source.js";
import type { RedisReceipt } from "./source.js";

/** The sending side: one connection for everything but consuming. */
export class RedisStore implements MessageStore<RedisReceipt> {
  readonly #addresses: Addresses;
  readonly #connect: Connect;
  readonly #keys: Keys;
  readonly #settings: RedisSettings;
  readonly #logger: Logger;
  /** Milliseconds that `close` waits for answers. */
  readonly #patience: number;
  readonly #link: Link;
  readonly #pushes: PushBatch;
  #forgotten: () => void = () => undefined;

  constructor(
    addresses: Addresses,
    connect: Connect,
    keys: Keys,
    settings: RedisSettings,
    logger: Logger,
    patience: number,
  ) {
    this.#addresses = addresses;
    this.#connect = connect;
    this.#keys = keys;
    this.#settings = settings;
    this.#logger = logger;
    this.#patience = patience;
    this.#link = new Link(addresses, connect, { lost: () => this.#forgotten() });
    this.#pushes = new PushBatch((key, texts) => this.#link.call("LPUSH", key, ...texts));
  }

  onForgotten(listener: () => void): void {
    this.#forgotten = listener;
  }

  async connect(): Promise<void> {
    await this.#link.session();
  }

  async bind(exchange: string, route: Route): Promise<void> {
    await this.#link.call("SADD", this.#keys.bindings(exchange), this.#keys.member(route));
  }

  async unbind(exchange: string, route: Route): Promise<void> {
    await this.#link.call("SREM", this.#keys.bindings(exchange), this.#keys.member(route));
  }

  async routes(exchange: string): Promise<readonly Route[]> {
    const members = (await this.#link.call("SMEMBERS", this.#keys.bindings(exchange))) as string[];
    return members.map((member) => this.#keys.route(member));
  }

  put(queue: string, text: string, { priority }: PutOptions): Promise<void> {
    return this.#pushes.add(this.#keys.list(queue, priority), text);
  }

  async broadcast(exchange: string, routingKey: string, text: string): Promise<number> {
    return (await this.#link.call("PUBLISH", this.#keys.channel(exchange, routingKey), text)) as number;
  }

  async size(queue: string): Promise<number> {
    const sizes = await Promise.all(this.#keys.lists(queue).map((list) => this.#link.call("LLEN", list)));
    return (sizes as number[]).reduce((sum, size) => sum + size, 0);
  }

  async purge(queue: string): Promise<number> {
    return (await this.#link.run(PURGE, this.#keys.lists(queue), [])) as number;
  }

  async remove(queue: string): Promise<void> {
    await this.#link.call("DEL", ...this.#keys.lists(queue));
  }

  source(events: SourceEvents, { noAck }: SourceOptions): MessageSource<RedisReceipt> {
    return new RedisSource(this.#addresses, this.#connect, this.#keys, this.#settings, this.#logger, events, noAck);
  }

  async close(): Promise<void> {
    // A server that went silent must not keep the program from ending.
    const timer = after(this.#patience, () => this.#link.reset());
    await this.#pushes.drained();
    await this.#link.close();
    timer.cancel();
  }
}
