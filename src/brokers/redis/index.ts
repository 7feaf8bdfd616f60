import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Broker, BrokerCapabilities, BrokerOptions } from "../broker.js";
import { virtualBroker } from "../virtual/broker.js";
import { connectRedis, loadRedis } from "./ioredis.js";
import { Keys } from "./keys.js";
import { Addresses } from "./link.js";
import type { Connect } from "./link.js";
import { redisSettings } from "./settings.js";
import { RedisStore } from "./store.js";
import { redisEndpoint } from "./url.js";

const capabilities: BrokerCapabilities = {
  fanout: true,
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
 * `;` for failover. `options.lib` takes the ioredis module (5.11 or later, 6), which is loaded on first use otherwise.
 *
 * @throws ImproperlyConfigured for URLs and transport options that cannot be used
 */
export default function open(url: string, options: BrokerOptions): Broker {
  const settings = redisSettings(options.transportOptions);
  const endpoints = url.split(";").map((one) => redisEndpoint(one, options.useSsl));
  if (options.failoverStrategy === "shuffle") endpoints.sort(() => Math.random() - 0.5);
  const db = endpoints[0]?.db ?? 0;
  if (endpoints.some((one) => one.db !== db && settings.fanoutPrefix.includes("{db}")))
    throw new ImproperlyConfigured(
      `${maskUrl(url)}: all alternates need the same database number, since it is part of the fanout channels`,
    );
  const seconds = settings.socketConnectTimeout ?? options.connectionTimeout;
  const connect: Connect = async (endpoint, events, signal) =>
    connectRedis(
      await loadRedis(options.lib),
      endpoint,
      {
        connectTimeout: seconds * 1000,
        healthCheck: settings.healthCheckInterval * 1000,
        clientName: settings.clientName,
        keepAlive: settings.socketKeepalive,
      },
      events,
      signal,
    );
  return virtualBroker(
    new RedisStore(
      new Addresses(endpoints),
      connect,
      new Keys(settings, db),
      settings,
      options.logger,
      options.connectionTimeout * 1000,
    ),
    {
      scheme: schemeOf(url),
      displayUrl: maskUrl(url),
      capabilities,
      options,
      order: settings.queueOrder,
    },
  );
}
