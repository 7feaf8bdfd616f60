import { silentLogger } from "../util/logger.js";
import type { BrokerOptions } from "./broker.js";

/** Options with Celery's defaults, for a broker that is opened by hand instead of by a `Celery` application. */
export const brokerOptions = (changes: Partial<BrokerOptions> = {}): BrokerOptions => ({
  logger: silentLogger,
  transportOptions: {},
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 120,
  useSsl: false,
  failoverStrategy: "round-robin",
  ...changes,
});
