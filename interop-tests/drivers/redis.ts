import { Redis } from "ioredis";
import type { Server } from "../servers/index.js";
import { sharedServer } from "../servers/shared.js";
import type { BackendDriver, BrokerDriver, Place } from "./driver.js";
import { commonPlace } from "./place.js";

let lastDatabase = 0;

/** An empty Redis database. A server of the environment is only used, never emptied: queue names there are unique. */
async function prepare(given?: Server): Promise<Place> {
  const server = given ?? (await sharedServer("redis"));
  lastDatabase = (lastDatabase % 15) + 1;
  const url = server.owned ? `${server.url}/${lastDatabase}` : server.url;
  if (server.owned) {
    const connection = new Redis(url);
    await connection.flushdb();
    connection.disconnect();
  }
  return commonPlace(url, server);
}

export const redisBroker: BrokerDriver = {
  name: "redis",
  server: "redis",
  results: "redis",
  prepare,
  poison: async (place, queue) => {
    const connection = new Redis(place.url);
    await connection.lpush(queue, "this is not an envelope");
    connection.disconnect();
  },
};

export const redisBackend: BackendDriver = {
  name: "redis",
  server: "redis",
  prepare,
  corrupt: async (place, _reader, taskId, bytes) => {
    const connection = new Redis(place.url);
    const key = `celery-task-meta-${taskId}`;
    await connection.set(key, Buffer.from(bytes));
    await connection.publish(key, Buffer.from(bytes));
    connection.disconnect();
  },
};
