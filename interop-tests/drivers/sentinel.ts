import { Redis } from "ioredis";
import { MASTER_NAME, masterAddress } from "../servers/sentinel.js";
import type { Server } from "../servers/index.js";
import { sharedServer } from "../servers/shared.js";
import type { BackendDriver, BrokerDriver, Place } from "./driver.js";
import { nothing } from "./place.js";

let lastDatabase = 0;

/** A plain connection to the place's database on the master. */
async function connection({ url }: Pick<Place, "url">): Promise<Redis> {
  const db = Number(/\/(\d+)(?:;|$)/.exec(url)?.[1] ?? 0);
  return new Redis({ ...(await masterAddress(url)), db });
}

/** An empty database of a master found by Sentinels. The compatibility option lets Celery before 5.4 hear us. */
async function prepare(given?: Server): Promise<Place> {
  const server = given ?? (await sharedServer("sentinel"));
  lastDatabase = (lastDatabase % 15) + 1;
  // The first URL alone says which database it is.
  const url = server.url.replace(/(?=;|$)/, `/${lastDatabase}`);
  const transportOptions = { master_name: MASTER_NAME, sentinel_fanout_compat: true };
  if (server.owned) {
    const redis = await connection({ url });
    await redis.flushdb();
    redis.disconnect();
  }
  return { url, transportOptions, python: { url, transportOptions }, server, close: nothing };
}

export const sentinelBroker: BrokerDriver = {
  name: "sentinel",
  server: "sentinel",
  results: "sentinel",
  prepare,
  poison: async (place, queue) => {
    const redis = await connection(place);
    await redis.lpush(queue, "this is not an envelope");
    redis.disconnect();
  },
};

export const sentinelBackend: BackendDriver = {
  name: "sentinel",
  server: "sentinel",
  prepare: async (server) => {
    const place = await prepare(server);
    return { ...place, settings: { resultBackendTransportOptions: place.transportOptions } };
  },
  corrupt: async (place, _reader, taskId, bytes) => {
    const redis = await connection(place);
    const key = `celery-task-meta-${taskId}`;
    await redis.set(key, Buffer.from(bytes));
    await redis.publish(key, Buffer.from(bytes));
    redis.disconnect();
  },
};
