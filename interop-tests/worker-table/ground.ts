import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import type { Broker, Consumer, Delivery } from "../../src/brokers/broker.js";
import {
  controlExchange,
  decodeControlReply,
  encodeControlRequest,
  eventExchange,
  eventQueue,
  replyQueue,
} from "../../src/protocol/control.js";
import type { Message } from "../../src/protocol/message.js";
import { type Queue, queue, toQueue } from "../../src/protocol/queue.js";
import { openBrokerAt, uniqueName } from "../drivers/index.js";
import type { BrokerDriver, Place } from "../drivers/index.js";
import { redisBackend } from "../drivers/redis.js";
import { within } from "./within.js";

/** One result document as it was stored. */
export interface StoredDocument {
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export type Event = Readonly<Record<string, unknown>> & { readonly type: string; readonly hostname: string };

/** Where both languages meet: a broker, a Redis for the results, and somebody who sees all that passes. */
export class Ground {
  readonly documents: StoredDocument[] = [];
  readonly events: Event[] = [];
  readonly #replies = new Map<unknown, unknown>();
  readonly #consumers: Consumer[] = [];
  readonly #queues: Queue[] = [];
  readonly #oid = randomUUID();

  private constructor(
    readonly driver: BrokerDriver,
    readonly place: Place,
    readonly results: Place,
    readonly broker: Broker,
    readonly redis: Redis,
    readonly subscriber: Redis,
  ) {}

  static async open(driver: BrokerDriver): Promise<Ground> {
    const results = await redisBackend.prepare();
    const place = driver.name === "redis" ? results : await driver.prepare();
    const redis = new Redis(results.url);
    const ground = new Ground(driver, place, results, await openBrokerAt(place), redis, redis.duplicate());
    await ground.#listen();
    return ground;
  }

  async #listen(): Promise<void> {
    this.subscriber.on("pmessage", (_pattern, channel: string, text: string) => {
      const id = channel.slice("celery-task-meta-".length);
      this.documents.push({ id, document: JSON.parse(text) as StoredDocument["document"] });
    });
    await this.subscriber.psubscribe("celery-task-meta-*");
    const exchange = eventExchange("celeryev", this.broker.capabilities.eventExchange ?? "topic");
    await this.watch(eventQueue(randomUUID(), { exchange }), ({ message }) => {
      this.events.push(...([read(message)].flat() as Event[]));
    });
    const replies = replyQueue(this.#oid);
    await this.watch(replies, ({ message }) => {
      const { ticket, replies: reply } = decodeControlReply(message, null);
      this.#replies.set(ticket, reply);
    });
  }

  /** Takes everything out of a queue as it comes. */
  async watch(from: Queue, take: (delivery: Delivery) => void): Promise<void> {
    this.#queues.push(from);
    await new Promise<void>((resolve, reject) => {
      const consumer = this.broker.consume([from], { noAck: true, onConnected: resolve });
      this.#consumers.push(consumer);
      const all = async (): Promise<void> => {
        for await (const delivery of consumer) take(delivery);
      };
      all().catch(reject);
    });
  }

  /** A queue of its own; on RabbitMQ what is rejected there goes to `dead`. */
  async makeQueue(dead: string): Promise<{ readonly name: string; readonly arguments: object }> {
    const args = this.driver.name === "amqp" ? { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead } : {};
    const made = queue(uniqueName("table"), { arguments: args });
    await this.broker.declare(made);
    this.#queues.push(made);
    return { name: made.name, arguments: args };
  }

  publish(name: string, message: Message): Promise<void> {
    return this.broker.publish(message, toQueue(name));
  }

  /** Sends a command to one worker and waits for its answer. */
  async command(hostname: string, method: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    const ticket = randomUUID();
    const message = encodeControlRequest(
      {
        ...{ method, arguments: args, destination: [hostname], ticket },
        replyTo: { exchange: "reply.celery.pidbox", routingKey: this.#oid },
      },
      { clock: 1 },
    );
    const destination = { exchange: controlExchange("celery"), routingKey: "" };
    await this.broker.publish(message, destination, { mandatory: false });
    await within(
      15,
      () => this.#replies.has(ticket),
      () => `${hostname} does not answer to ${method}`,
    );
  }

  /** Messages that somebody holds and has not settled. RabbitMQ shows them to nobody; they come back when he goes. */
  async unacked(name: string): Promise<string[]> {
    if (this.driver.name !== "redis") return [];
    const held = await this.redis.hvals("unacked");
    return held.filter((one) => (JSON.parse(one) as [unknown, string, string])[2] === name);
  }

  async close(): Promise<void> {
    for (const consumer of this.#consumers) await consumer.close();
    for (const one of this.#queues) await this.broker.delete(one);
    await this.broker.close();
    this.redis.disconnect();
    this.subscriber.disconnect();
    await this.place.close();
  }
}

/** The content of a message that JSON was written in. */
export const read = ({ body }: Message): unknown => JSON.parse(Buffer.from(body).toString("utf8")) as unknown;
