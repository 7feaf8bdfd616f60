import { exchange, queue } from "./queue.js";
import type { Exchange, Queue } from "./queue.js";

/**
 * The exchanges and queues of remote control and events (kombu/pidbox.py, celery/events). Durability and type have to
 * be these to the letter: brokers refuse an exchange or queue that exists with others.
 */
export interface MailboxOptions {
  /** Seconds until an unused queue goes away (`control_queue_expires` 10, `event_queue_expires` 60). */
  readonly expires?: number | null;
  /** Seconds until an unread message goes away (`control_queue_ttl` 300, `event_queue_ttl` 5). */
  readonly ttl?: number | null;
  readonly durable?: boolean;
  /**
   * Default true, as from Celery 5.7 on: RabbitMQ 4.3 refuses queues that are neither durable nor exclusive. These
   * queues have one owner, so a Python peer never sees the difference.
   */
  readonly exclusive?: boolean;
}

/** Requests go out through it to every node: `celery.pidbox`. `name` is `control_exchange`. */
export const controlExchange = (name = "celery"): Exchange =>
  exchange(`${name}.pidbox`, { type: "fanout", durable: false });

/** Replies come back through it: `reply.celery.pidbox`. */
export const replyExchange = (name = "celery"): Exchange =>
  exchange(`reply.${name}.pidbox`, { type: "direct", durable: false });

/** A node's queue of requests: `<nodename>.celery.pidbox`. */
export const controlQueue = (nodename: string, options: MailboxOptions & { readonly name?: string } = {}): Queue =>
  mailbox(`${nodename}.${options.name ?? "celery"}.pidbox`, controlExchange(options.name), "", {
    expires: 10,
    ttl: 300,
    ...options,
  });

/** A caller's queue of replies: `<oid>.reply.celery.pidbox`. Any UUID is a good oid. */
export const replyQueue = (oid: string, options: MailboxOptions & { readonly name?: string } = {}): Queue =>
  mailbox(`${oid}.reply.${options.name ?? "celery"}.pidbox`, replyExchange(options.name), oid, {
    expires: 10,
    ttl: 300,
    ...options,
  });

/** Events go out through it (`event_exchange`): a topic exchange, but `fanout` on Redis and Google Pub/Sub. */
export const eventExchange = (name = "celeryev", type: "topic" | "fanout" = "topic"): Exchange =>
  exchange(name, { type });

/** A listener's queue of events: `celeryev.<id>`, bound with `#` for everything or `worker.#`. */
export function eventQueue(
  id: string,
  options: MailboxOptions & {
    readonly exchange?: Exchange;
    /** `event_queue_prefix`. */
    readonly prefix?: string;
    readonly routingKey?: string;
  } = {},
): Queue {
  const { exchange: from = eventExchange(), prefix = "celeryev", routingKey = "#" } = options;
  return mailbox(`${prefix}.${id}`, from, routingKey, { expires: 60, ttl: 5, ...options });
}

function mailbox(name: string, from: Exchange, routingKey: string, options: MailboxOptions): Queue {
  const { expires, ttl, durable = false, exclusive = !durable } = options;
  return queue(name, {
    exchange: from,
    routingKey,
    durable,
    exclusive,
    autoDelete: !durable,
    arguments: {
      ...(typeof expires === "number" && { "x-expires": Math.trunc(expires * 1000) }),
      ...(typeof ttl === "number" && { "x-message-ttl": Math.trunc(ttl * 1000) }),
    },
  });
}
