import open from "../brokers/memory/index.js";
import { memoryState } from "../brokers/memory/state.js";
import { silentLogger } from "../util/logger.js";
import { brokerConformance } from "./broker-conformance.js";

const options = {
  logger: silentLogger,
  transportOptions: {},
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 0,
  useSsl: false,
  failoverStrategy: "round-robin" as const,
};

describe("broker conformance: memory", () => {
  brokerConformance({
    it,
    describe,
    open: () => open("memory://conformance", options),
    poison: async (queue) =>
      memoryState("conformance").put(queue, "not an envelope", { priority: 0, expiration: undefined }),
  });
});
