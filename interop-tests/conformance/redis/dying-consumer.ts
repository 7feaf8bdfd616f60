import open from "../../../src/brokers/redis/index.js";
import { queue } from "../../../src/protocol/queue.js";
import { silentLogger } from "../../../src/util/logger.js";

/** A process that takes one message of a queue, says so, and is then killed by the test. Arguments: URL, queue. */
const [, , url = "", name = ""] = process.argv;
const broker = open(url, {
  logger: silentLogger,
  transportOptions: {},
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 0,
  useSsl: false,
  failoverStrategy: "round-robin",
});
for await (const delivery of broker.consume([queue(name)], { prefetch: 1 })) console.log(`took ${delivery.tag}`);
