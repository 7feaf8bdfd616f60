import type { Broker } from "../brokers/broker.js";

/**
 * One broker of two: workers take from `read`, messages go to `write` (Celery's `broker_read_url`, `broker_write_url`).
 * Both have to lead to the same queues: two addresses of a cluster, or servers that pass messages on.
 */
export function splitBroker(read: Broker, write: Broker): Broker {
  return {
    scheme: write.scheme,
    displayUrl: `${write.displayUrl} (read: ${read.displayUrl})`,
    capabilities: read.capabilities,
    connect: async () => {
      await Promise.all([read.connect(), write.connect()]);
    },
    // Senders declare what they send to by themselves.
    declare: (queue) => read.declare(queue),
    publish: (message, to, options) => write.publish(message, to, options),
    consume: (queues, options) => read.consume(queues, options),
    purge: (queue) => read.purge(queue),
    size: (queue) => read.size(queue),
    delete: (queue) => read.delete(queue),
    close: async () => {
      // Deliveries are given back while publishing still works, and neither keeps the other from being closed.
      const closed = [await settled(read), await settled(write)];
      for (const one of closed) if (one?.status === "rejected") throw one.reason;
    },
  };
}

const settled = async (broker: Broker): Promise<PromiseSettledResult<void> | undefined> =>
  (await Promise.allSettled([broker.close()]))[0];
