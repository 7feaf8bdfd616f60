import { OperationalError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { after } from "../../util/time.js";
import type { LocalBindings } from "../virtual/local-bindings.js";
import type { MessageSource, MessageStore, PutOptions, Route, SourceEvents, SourceOptions } from "../virtual/store.js";
import type { Clients } from "./clients.js";
import { isDenied, isMissingQueue } from "./failure.js";
import { causeOf, Queues } from "./queues.js";
import type { QueueAddress } from "./queues.js";
import type { SqsReceipt } from "./receipt.js";
import { sendRequest } from "./send.js";
import { Sender } from "./sender.js";
import type { SqsSettings } from "./settings.js";
import { SqsSource } from "./source.js";

/** The sending side. */
export class SqsStore implements MessageStore<SqsReceipt> {
  readonly #clients: Clients;
  readonly #settings: SqsSettings;
  readonly #logger: Logger;
  /** Milliseconds that `close` waits for answers. */
  readonly #patience: number;
  readonly #queues: Queues;
  readonly #bindings: LocalBindings;
  readonly #sender: Sender;
  readonly #sending = new Set<Promise<void>>();
  #forgotten: () => void = () => undefined;

  constructor(clients: Clients, settings: SqsSettings, bindings: LocalBindings, logger: Logger, patience: number) {
    this.#bindings = bindings;
    this.#clients = clients;
    this.#settings = settings;
    this.#logger = logger;
    this.#patience = patience;
    this.#sender = new Sender(settings.messageSizeLimit);
    this.#queues = new Queues(clients, settings, logger);
  }

  onForgotten(listener: () => void): void {
    this.#forgotten = listener;
  }

  /** Asks something that any account may ask; one that may not is connected all the same. */
  async connect(): Promise<void> {
    const [predefined] = this.#settings.predefinedQueues?.values() ?? [];
    const client = await this.#clients.for(predefined);
    try {
      if (predefined) await client.attributes(predefined.url, predefined.url, ["VisibilityTimeout"]);
      else await client.list(this.#settings.queueNamePrefix);
    } catch (error) {
      if (!isDenied(causeOf(error))) throw error;
    }
  }

  async bind(exchange: string, route: Route): Promise<void> {
    await this.#queues.ensure(route.queue);
    this.#bindings.bind(exchange, route);
  }

  unbind(exchange: string, route: Route): Promise<void> {
    this.#bindings.unbind(exchange, route);
    return Promise.resolve();
  }

  routes(exchange: string): Promise<readonly Route[]> {
    return Promise.resolve(this.#bindings.routes(exchange));
  }

  put(queue: string, text: string, { other = {} }: Pick<PutOptions, "other">): Promise<void> {
    const sending = this.#put(queue, text, other).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    return sending;
  }

  async size(queue: string): Promise<number> {
    return this.#existing(queue, 0, (address) => this.#size(address));
  }

  async purge(queue: string): Promise<number> {
    return this.#existing(queue, 0, async (address) => {
      const size = await this.#size(address);
      await address.client.purge(address.url, queue);
      return size;
    });
  }

  /** Predefined queues are somebody else's: as in kombu, they are not deleted. */
  async remove(queue: string): Promise<void> {
    if (this.#settings.predefinedQueues) return;
    await this.#existing(queue, undefined, (address) => address.client.delete(address.url, queue));
    this.#forget(queue);
  }

  source(events: SourceEvents, { noAck }: SourceOptions): MessageSource<SqsReceipt> {
    return new SqsSource(
      {
        queues: this.#queues,
        settings: this.#settings,
        logger: this.#logger,
        displayUrl: this.#clients.displayUrl,
        put: (queue, text) => this.put(queue, text, {}),
        forget: () => {
          this.#queues.forgetAll();
          this.#forgotten();
        },
      },
      events,
      noAck,
    );
  }

  async close(): Promise<void> {
    // A server that went silent must not keep the program from ending.
    const timer = after(this.#patience, () => this.#clients.close());
    await Promise.allSettled(this.#sending);
    timer.cancel();
    this.#clients.close();
  }

  async #put(queue: string, text: string, properties: Readonly<Record<string, unknown>>): Promise<void> {
    const address = await this.#queues.ensure(queue);
    const send = (to: QueueAddress): Promise<void> =>
      this.#sender.send(to, sendRequest(to, text, properties, this.#settings, this.#logger));
    try {
      await send(address);
    } catch (error) {
      if (!isMissingQueue(causeOf(error)) || address.predefined) throw error;
      // It was deleted meanwhile. kombu's would be lost until a restart; it is created again here.
      this.#forget(queue);
      await send(await this.#queues.ensure(queue));
    }
  }

  async #size({ url, name, client }: QueueAddress): Promise<number> {
    const attributes = await client.attributes(url, name, ["ApproximateNumberOfMessages"]);
    const size = Number(attributes["ApproximateNumberOfMessages"]);
    if (Number.isFinite(size)) return size;
    throw new OperationalError(`queue ${name} at ${client.displayUrl} does not tell its size`);
  }

  async #existing<T>(queue: string, otherwise: T, work: (address: QueueAddress) => Promise<T>): Promise<T> {
    try {
      const address = await this.#queues.find(queue);
      return address ? await work(address) : otherwise;
    } catch (error) {
      if (!isMissingQueue(causeOf(error))) throw error;
      this.#forget(queue);
      return otherwise;
    }
  }

  #forget(queue: string): void {
    this.#queues.forget(queue);
    this.#forgotten();
  }
}
