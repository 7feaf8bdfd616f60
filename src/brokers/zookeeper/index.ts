import { Addresses } from "../../util/lazy-connection.js";
import { NotSupported } from "../../errors.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Broker, BrokerCapabilities, BrokerOptions } from "../broker.js";
import { virtualBroker } from "../virtual/broker.js";
import { LocalBindings } from "../virtual/local-bindings.js";
import { NAME, Paths } from "./recipe.js";
import { MAX_BUFFER, zookeeperSettings } from "./settings.js";
import { ZooKeeperStore } from "./store.js";
import { zookeeperEnsemble } from "./url.js";
import type { Ensemble } from "./url.js";

/** Topic exchanges work as named direct ones do: for the queues that this process has declared. */
const capabilities: BrokerCapabilities = {
  fanout: false,
  topic: true,
  priority: "highest-first",
  redelivery: false,
  persistent: true,
  unroutable: true,
  expiration: false,
  delivery: "push",
  queueNames: NAME,
};

/** A tenth of the packet is left for headers. Bodies travel as base64, or as JSON text of up to six bytes for one. */
const maxBody = (maxBuffer: number, encoding: unknown): number =>
  Math.floor((Math.min(maxBuffer, MAX_BUFFER) * 0.9 * (encoding === "utf-8" ? 1 : 4.5)) / 6);

/**
 * ZooKeeper as kombu uses it (kombu/transport/zookeeper.py): `zookeeper://host:2181/path`, several hosts separated by
 * `,` or whole URLs by `;`. A message is removed when it is taken: what a process holds dies with it. `options.lib`
 * takes the node-zookeeper-client module, which is loaded on first use otherwise.
 *
 * @throws ImproperlyConfigured for URLs and transport options that cannot be used; NotSupported for TLS
 */
export default function open(url: string, options: BrokerOptions): Broker {
  const settings = zookeeperSettings(options.transportOptions);
  if (options.useSsl !== false)
    throw new NotSupported(`${maskUrl(url)}: node-zookeeper-client has no TLS, nor has kombu; leave out brokerUseSsl`);
  const ensemble = zookeeperEnsemble(url);
  const endpoints = [...ensemble.endpoints];
  if (options.failoverStrategy === "shuffle") endpoints.sort(() => Math.random() - 0.5);
  const store = new ZooKeeperStore({
    servers: new Addresses(endpoints),
    paths: new Paths(ensemble.vhost),
    settings,
    session: {
      connectTimeout: options.connectionTimeout * 1000,
      sessionTimeout: settings.sessionTimeout * 1000,
      lib: options.lib,
    },
    bindings: bindingsOf(ensemble),
    logger: options.logger,
  });
  return virtualBroker(store, {
    scheme: schemeOf(url),
    displayUrl: maskUrl(url),
    capabilities: { ...capabilities, maxBody: maxBody(settings.maxBuffer, options.transportOptions["body_encoding"]) },
    options,
  });
}

const bindings = new Map<string, LocalBindings>();

/** One table for all brokers of this process at the same place. */
function bindingsOf({ endpoints, vhost }: Ensemble): LocalBindings {
  const key = `${endpoints
    .map(({ host, port }) => `${host}:${port}`)
    .sort()
    .join()}/${vhost}`;
  let known = bindings.get(key);
  if (!known) bindings.set(key, (known = new LocalBindings()));
  return known;
}
