/** The list of result backends under test: a new driver adds one line. */
export { redisBackend } from "./redis.js";
export { sentinelBackend } from "./sentinel.js";
export { rpcOverAmqp, rpcOverRedis, rpcOverMemory } from "./rpc.js";
export { fileBackend } from "./filesystem.js";
export { memoryBackend, disabledBackend } from "./memory.js";
export { cassandraBackend } from "./cassandra.js";
export { postgresqlBackend, mariadbBackend, sqliteBackend } from "./database.js";
