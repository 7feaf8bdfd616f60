import { schemeOf } from "../../util/url.js";
import type { Broker, BrokerOptions } from "../broker.js";
import { virtualBroker } from "../virtual/broker.js";
import { LocalBindings } from "../virtual/local-bindings.js";
import { Clients } from "./clients.js";
import { possibleNames } from "./names.js";
import { ATTRIBUTES, largestBody } from "./send.js";
import { sqsSettings } from "./settings.js";
import type { SqsSettings } from "./settings.js";
import { SqsStore } from "./store.js";
import { sqsEndpoint } from "./url.js";
import type { SqsEndpoint } from "./url.js";

/**
 * Amazon SQS as kombu uses it (kombu/transport/SQS): `sqs://KEY:SECRET@`, `sqs://` with the credentials that the SDK
 * finds by itself, `sqs://KEY:SECRET@host:port` for other servers. `options.lib` takes the module `@aws-sdk/client-sqs`,
 * which is loaded on first use otherwise, or a ready `SQSClient`, which stays the caller's to destroy.
 *
 * @throws ImproperlyConfigured for URLs and transport options that cannot be used
 */
export default function open(url: string, options: BrokerOptions): Broker {
  const settings = sqsSettings(options.transportOptions);
  const endpoint = sqsEndpoint(url, settings.isSecure);
  const clients = new Clients(endpoint, settings, options.connectionTimeout, options.lib);
  const bindings = bindingsOf(endpoint, settings);
  return virtualBroker(new SqsStore(clients, settings, bindings, options.logger, options.connectionTimeout * 1000), {
    scheme: schemeOf(url),
    displayUrl: endpoint.displayUrl,
    capabilities: {
      fanout: false,
      topic: true,
      priority: false,
      redelivery: "visibility-timeout",
      persistent: true,
      unroutable: true,
      expiration: false,
      delivery: "poll",
      maxBody: largestBody(settings),
      ordered: false,
      queueNames: possibleNames(settings.queueNamePrefix),
    },
    options,
    storeProperties: [ATTRIBUTES],
  });
}

const bindings = new Map<string, LocalBindings>();

/** As in kombu, a process knows what it has declared, whichever of its broker objects did: SQS itself knows queues only. */
function bindingsOf({ displayUrl }: SqsEndpoint, { region, queueNamePrefix }: SqsSettings): LocalBindings {
  const key = JSON.stringify([displayUrl, region, queueNamePrefix]);
  let known = bindings.get(key);
  if (!known) bindings.set(key, (known = new LocalBindings()));
  return known;
}
