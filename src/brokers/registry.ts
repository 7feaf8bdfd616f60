import { ImproperlyConfigured } from "../errors.js";
import { maskUrl, schemeOf } from "../util/url.js";
import type { Broker, BrokerOptions, OpenBroker } from "./broker.js";

/** Loads a driver's module when its scheme is first used. */
export type LoadBroker = () => Promise<{ readonly default: OpenBroker }>;

const amqp: LoadBroker = () => import("./amqp/index.js");
const redis: LoadBroker = () => import("./redis/index.js");

const drivers = new Map<string, LoadBroker>([
  ["amqp", amqp],
  ["amqps", amqp],
  ["pyamqp", amqp],
  ["redis", redis],
  ["rediss", redis],
  ["redis+socket", redis],
  ["filesystem", () => import("./filesystem/index.js")],
  ["memory", () => import("./memory/index.js")],
]);

/** Makes a driver known under a URL scheme (lower case, without `://`); an existing one is replaced. */
export function registerBroker(scheme: string, load: LoadBroker): void {
  drivers.set(scheme.toLowerCase(), load);
}

/**
 * The driver for the URL's scheme, opened lazily: nothing is connected yet. Alternates separated by `;` go to the
 * driver of the first one, which tries them in turn. Throws `ImproperlyConfigured` for an unknown scheme.
 */
export async function openBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const scheme = schemeOf(url);
  const load = drivers.get(scheme) ?? drivers.get(scheme.split("+", 1)[0] ?? scheme);
  if (!load)
    throw new ImproperlyConfigured(
      `no broker driver for ${JSON.stringify(maskUrl(url))}: known schemes are ${[...drivers.keys()].join(", ")}`,
    );
  return (await load()).default(url, options);
}
