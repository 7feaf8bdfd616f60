/** The list of brokers under test: a new driver adds one line. Every suite that runs over brokers takes it from here. */
export { redisBroker } from "./redis.js";
export { sentinelBroker } from "./sentinel.js";
export { amqpBroker } from "./amqp.js";
export { filesystemBroker } from "./filesystem.js";
export { memoryBroker } from "./memory.js";
export { sqsBroker } from "./sqs.js";
export { zookeeperBroker } from "./zookeeper.js";
