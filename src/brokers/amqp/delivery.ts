import type { ConsumeMessage } from "amqplib";
import type { Message, MessageProperties } from "../../protocol/message.js";
import type { Queue } from "../../protocol/queue.js";
import type { Delivery, DeliveryInfo } from "../broker.js";
import { undelayed } from "./delayed.js";
import type { Properties } from "./read-frames.js";

/** Where a delivery is settled: the channel that it came on. */
export interface Settler {
  settle(delivery: AmqpDelivery, how: "ack" | "reject" | "requeue"): void;
}

const DONE = Promise.resolve();

/** One message of a RabbitMQ queue. Settling it twice, or after its channel is gone, does nothing. */
export class AmqpDelivery implements Delivery {
  message: Message;
  readonly info: DeliveryInfo;
  readonly queue: string;
  #settled = false;

  constructor(
    private readonly settler: Settler,
    readonly raw: ConsumeMessage,
    from: Queue,
  ) {
    this.queue = from.name;
    const { fields } = raw;
    const properties = raw.properties as Properties;
    this.message = toMessage(raw.content, properties);
    this.info = {
      ...undelayed(fields.exchange, fields.routingKey, from),
      priority: properties.priority ?? null,
      redelivered: fields.redelivered,
    };
  }

  get tag(): string {
    return `${this.raw.fields.consumerTag}/${this.raw.fields.deliveryTag}`;
  }

  /** The body is a piece of what the socket gave, 64 KiB and more, all of which it would keep. */
  park(): void {
    const body = Buffer.from(this.message.body);
    this.message = { ...this.message, body };
    this.raw.content = body;
  }

  ack(): Promise<void> {
    return this.#settle("ack");
  }

  reject({ requeue }: { readonly requeue: boolean }): Promise<void> {
    return this.#settle(requeue ? "requeue" : "reject");
  }

  /** RabbitMQ puts whatever is given back where it was, where that is possible. */
  release(): Promise<void> {
    return this.#settle("requeue");
  }

  /** The frame is written in order with all others of the channel; there is no answer to wait for. */
  #settle(how: "ack" | "reject" | "requeue"): Promise<void> {
    if (!this.#settled) {
      this.#settled = true;
      this.settler.settle(this, how);
    }
    return DONE;
  }
}

function toMessage(body: Buffer, properties: Properties): Message {
  const found: { -readonly [K in keyof MessageProperties]: MessageProperties[K] } = {};
  const { correlationId, replyTo, deliveryMode, priority, expiration } = properties;
  if (correlationId !== undefined) found.correlationId = correlationId;
  if (replyTo !== undefined) found.replyTo = replyTo;
  if (deliveryMode === 1 || deliveryMode === 2) found.deliveryMode = deliveryMode;
  if (priority !== undefined) found.priority = priority;
  if (expiration !== undefined) found.expiration = expiration;
  const other = otherProperties(properties);
  if (other) found.other = other;
  return {
    body,
    contentType: properties.contentType ?? null,
    contentEncoding: properties.contentEncoding ?? null,
    headers: properties.headers ?? {},
    properties: found,
  };
}

/** Properties that Celery never sets, under Python's names; undefined when there are none. */
function otherProperties(properties: Properties): Record<string, unknown> | undefined {
  const { messageId, appId, userId, type, timestamp } = properties;
  if ((messageId ?? appId ?? userId ?? type ?? timestamp) === undefined) return undefined;
  const all = { message_id: messageId, app_id: appId, user_id: userId, type, timestamp };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
