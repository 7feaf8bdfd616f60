import { ImproperlyConfigured } from "../errors.js";
import { assertParts } from "../util/parts.js";
import type { Parts } from "../util/parts.js";
import { checkRegistration, unknownScheme } from "../util/schemes.js";
import { schemeOf } from "../util/url.js";
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
  ["sentinel", redis],
  ["filesystem", () => import("./filesystem/index.js")],
  ["memory", () => import("./memory/index.js")],
  ["sqs", () => import("./sqs/index.js")],
  ["zookeeper", () => import("./zookeeper/index.js")],
]);

const parts: Parts<Broker> = {
  scheme: "string",
  displayUrl: "string",
  capabilities: "object",
  connect: "function",
  declare: "function",
  publish: "function",
  consume: "function",
  purge: "function",
  size: "function",
  delete: "function",
  close: "function",
};

/**
 * Makes a driver known under a URL scheme (lower case, without `://`); an existing one is replaced. `load` is called
 * when the scheme is first used, so a driver may be loaded by `() => import("./my-broker.js")`.
 *
 * @throws ImproperlyConfigured for what cannot be a scheme, or no function
 */
export function registerBroker(scheme: string, load: LoadBroker): void {
  checkRegistration("registerBroker", scheme, load);
  drivers.set(scheme.toLowerCase(), load);
}

/**
 * The driver for the URL's scheme, opened lazily: nothing is connected yet. Alternates separated by `;` go to the
 * driver of the first one, which tries them in turn.
 *
 * @throws ImproperlyConfigured for an unknown scheme, with what may have been meant
 */
export async function openBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const scheme = schemeOf(url);
  const load = drivers.get(scheme);
  if (!load) throw unknownScheme("broker", url, [...drivers.keys()]);
  const { default: open } = await load();
  const what = `the broker driver for ${scheme}://`;
  if (typeof open !== "function")
    throw new ImproperlyConfigured(`${what} has no function as default export; expected (url, options) => Broker`);
  const broker = open(url, options);
  assertBroker(broker, `what ${what} opens`);
  return broker;
}

/**
 * Whether an object has all that a broker needs.
 *
 * @throws ImproperlyConfigured naming what is missing
 */
export function assertBroker(value: unknown, what: string): asserts value is Broker {
  assertParts(what, value, parts);
}

/** The drivers by URL scheme: those of celeriac and those registered since. */
export const knownBrokers = (): ReadonlyMap<string, LoadBroker> => drivers;
