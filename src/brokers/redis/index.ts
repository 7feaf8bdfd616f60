import { Addresses } from "../../util/lazy-connection.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Broker, BrokerCapabilities, BrokerOptions } from "../broker.js";
import { virtualBroker } from "../virtual/broker.js";
import { Keys } from "./keys.js";
import { redisSettings } from "./settings.js";
import { RedisStore } from "./store.js";
import { redisTarget } from "./target.js";

const capabilities: BrokerCapabilities = {
  fanout: true,
  eventExchange: "fanout",
  topic: true,
  priority: "lowest-first",
  redelivery: "visibility-timeout",
  persistent: true,
  unroutable: true,
  expiration: false,
  delivery: "push",
};

/**
 * Redis as kombu uses it (kombu/transport/redis.py): `redis://`, `rediss://`, `redis+socket://`, several separated by
 * `;` for failover, or `sentinel://` with the transport option `master_name`. `options.lib` takes the ioredis module
 * (5.11 or later, 6), which is loaded on first use otherwise.
 *
 * @throws ImproperlyConfigured for URLs and transport options that cannot be used
 */
export default function open(url: string, options: BrokerOptions): Broker {
  const settings = redisSettings(options.transportOptions, options.connectionTimeout);
  const { endpoints, db, connect } = redisTarget(url, options, settings);
  const parts = {
    addresses: new Addresses(endpoints),
    connect,
    keys: new Keys(settings, db),
    settings,
    logger: options.logger,
  };
  return virtualBroker(new RedisStore(parts, options.connectionTimeout * 1000), {
    scheme: schemeOf(url),
    displayUrl: maskUrl(url),
    capabilities,
    options,
    order: settings.queueOrder,
  });
}
