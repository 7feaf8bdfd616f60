import { randomBytes } from "node:crypto";
import { silentLogger } from "../../src/util/logger.js";
import type { BackendOptions } from "../../src/backends/backend.js";
import type { Broker, BrokerOptions } from "../../src/brokers/broker.js";
import { openBroker } from "../../src/brokers/registry.js";
import type { Server } from "../servers/index.js";
import type { Place } from "./driver.js";

/** What the drivers' places have in common. */

/** For places that leave nothing behind. */
export const nothing = (): Promise<void> => Promise.resolve();

/** A name nobody else uses: for queues on a shared server. */
export const uniqueName = (what: string): string => `${what}-${randomBytes(4).toString("hex")}`;

/** A place inside this process, which no Python process can reach. */
export const localPlace = (url: string): Promise<Place> =>
  Promise.resolve({ url, transportOptions: {}, python: null, server: null, close: nothing });

/** A place that both languages reach by the same URL and options. */
export const commonPlace = (url: string, server: Server | null, close: () => Promise<void> = nothing): Place => ({
  url,
  transportOptions: {},
  python: { url, transportOptions: {} },
  server,
  close,
});
/** Options with Celery's defaults, as `Celery` hands them to a driver. */
export const brokerOptions = (place: Place, changes: Partial<BrokerOptions> = {}): BrokerOptions => ({
  logger: silentLogger,
  transportOptions: place.transportOptions,
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 120,
  useSsl: false,
  failoverStrategy: "round-robin",
  ...changes,
});

/** Options with Celery's defaults; `broker` is what rpc answers through. */
export const backendOptions = (place: Place, changes: Partial<BackendOptions> = {}): BackendOptions => ({
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: 86_400,
  resultPersistent: false,
  transportOptions: place.transportOptions,
  settings: { ...place.settings },
  useSsl: false,
  broker: () => Promise.reject(new Error("this backend was opened without a broker")),
  ...changes,
});

/** A place's settings under Python's names: `cassandraServers` is `cassandra_servers`. */
export const pythonSettings = ({ settings }: Place): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(settings ?? {}).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );

/** Opens a broker driver at a place. */
export const openBrokerAt = (place: Place, changes: Partial<BrokerOptions> = {}): Promise<Broker> =>
  openBroker(place.url, brokerOptions(place, changes));
