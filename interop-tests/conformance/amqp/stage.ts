import { connect as connectRaw } from "amqplib";
import type { Channel, ChannelModel } from "amqplib";
import open from "../../../src/brokers/amqp/index.js";
import type { Broker, BrokerOptions, ConsumeOptions, Delivery } from "../../../src/brokers/broker.js";
import type { CeleryError } from "../../../src/errors.js";
import type { Message, MessageProperties } from "../../../src/protocol/message.js";
import type { Queue } from "../../../src/protocol/queue.js";
import { uniqueName } from "../../drivers/index.js";
import { recordingLogger, until } from "../../expect.js";
import type { LogLine } from "../../expect.js";
import type { Server } from "../../servers/index.js";

/** What the tests of one server share: brokers of ours, and a plain amqplib connection to look and meddle from outside. */
export class AmqpStage {
  readonly lines: LogLine[] = [];
  readonly #brokers: Broker[] = [];
  readonly #raw = new Map<string, Promise<ChannelModel>>();

  constructor(readonly server: Server) {}

  open(changes: Partial<BrokerOptions> = {}, url = this.server.url): Broker {
    const { logger, lines } = recordingLogger();
    const keep = (level: LogLine["level"]) => (message: string, fields?: object) => {
      logger[level](message, fields);
      this.lines.push(lines.at(-1) as LogLine);
    };
    const broker = open(url, {
      logger: { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") },
      transportOptions: { interval_start: 0.05, interval_step: 0.05 },
      connectionTimeout: 4,
      connectionRetry: true,
      connectionMaxRetries: 100,
      heartbeat: 120,
      useSsl: false,
      failoverStrategy: "round-robin",
      ...changes,
    });
    this.#brokers.push(broker);
    return broker;
  }

  /** A channel of amqplib itself. */
  async raw(url = this.server.url): Promise<Channel> {
    let connecting = this.#raw.get(url);
    if (!connecting) {
      connecting = connectRaw(url).then((model) => {
        model.on("error", () => undefined);
        model.on("close", () => this.#raw.delete(url));
        return model;
      });
      this.#raw.set(url, connecting);
    }
    const channel = await (await connecting).createChannel();
    channel.on("error", () => undefined);
    return channel;
  }

  async reset(): Promise<void> {
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.close()));
    for (const connecting of this.#raw.values()) await (await connecting).close();
    this.#raw.clear();
    this.lines.length = 0;
  }
}

export const name = uniqueName;

export const message = (
  text: string,
  properties: MessageProperties = {},
  headers: Readonly<Record<string, unknown>> = {},
): Message => ({
  body: Buffer.from(text),
  contentType: "text/plain",
  contentEncoding: "utf-8",
  headers,
  properties: { deliveryMode: 1, ...properties },
});

export const textOf = (delivery: Delivery): string => Buffer.from(delivery.message.body).toString();

/** A consumer that is read in the background, with everything that happens to it. */
export class Watched {
  readonly deliveries: Delivery[] = [];
  readonly lost: CeleryError[] = [];
  connected = 0;
  error: unknown;
  readonly consumer;
  readonly end: Promise<void>;

  constructor(broker: Broker, queues: readonly Queue[], options: ConsumeOptions = {}) {
    this.consumer = broker.consume(queues, {
      ...options,
      onConnected: () => this.connected++,
      onConnectionLost: (error) => this.lost.push(error),
    });
    this.end = this.#read().catch((error: unknown) => {
      this.error = error;
    });
  }

  async #read(): Promise<void> {
    for await (const delivery of this.consumer) this.deliveries.push(delivery);
  }

  get texts(): string[] {
    return this.deliveries.map(textOf);
  }

  /** Consuming for the n-th time. */
  async consuming(times = 1): Promise<this> {
    await until(() => {
      if (this.error !== undefined) throw this.error as Error;
      return this.connected >= times;
    });
    return this;
  }

  async has(count: number): Promise<this> {
    await until(() => this.deliveries.length >= count);
    return this;
  }
}
