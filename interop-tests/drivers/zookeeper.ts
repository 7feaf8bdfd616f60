import { loadZooKeeper } from "../../src/brokers/zookeeper/client.js";
import type { Callback, ZooKeeperClient } from "../../src/brokers/zookeeper/client.js";
import { sharedServer } from "../servers/shared.js";
import type { BrokerDriver, Place } from "./driver.js";
import { commonPlace, uniqueName } from "./place.js";

/** ZooKeeper has no user names of its own: whoever brings one may be named in ACLs. Kombu does not look at it. */
const secret = "digest-word";

export const zookeeperBroker: BrokerDriver = {
  name: "zookeeper",
  server: "zookeeper",
  results: "redis",
  secret,
  // Any user with any password is who he says.
  bad: { password: null },
  prepare: async (given) => {
    const server = given ?? (await sharedServer("zookeeper"));
    const address = new URL(server.url).host;
    const vhost = uniqueName("celeriac");
    const url = `zookeeper://celeriac:${secret}@${address}/${vhost}`;
    const place = commonPlace(url, server, () => withZooKeeper(place, (client) => removeTree(client, `/${vhost}`)));
    // Kombu looks once a second unless told otherwise.
    return { ...place, python: { url, transportOptions: { polling_interval: 0.02 } } };
  },
  poison: (place, queue) =>
    withZooKeeper(place, async (client) => {
      const path = `${new URL(place.url).pathname}/${queue}/entry-009-`;
      await asked<string>((done) => client.create(path, Buffer.from("this is not an envelope"), 2, done));
    }),
};

/** Looks at a place past all drivers. */
export async function withZooKeeper<T>(
  place: Pick<Place, "url">,
  use: (client: ZooKeeperClient) => Promise<T>,
): Promise<T> {
  const client = loadZooKeeper(undefined).createClient(new URL(place.url).host, {
    sessionTimeout: 10_000,
    spinDelay: 100,
    retries: 0,
  });
  client.connect();
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** A call of the client as a promise. */
export const asked = <T>(start: (done: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => start((error, value) => (error instanceof Error ? reject(error) : resolve(value))));

async function removeTree(client: ZooKeeperClient, path: string): Promise<void> {
  const names = await asked<string[]>((done) =>
    client.getChildren(path, (error, found) => done(error, found ?? [])),
  ).catch(() => []);
  for (const name of names) await removeTree(client, `${path}/${name}`);
  await asked<void>((done) => client.remove(path, -1, done)).catch(() => undefined);
}
