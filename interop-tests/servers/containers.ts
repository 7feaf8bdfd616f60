import { GenericContainer, Wait } from "testcontainers";
import { startServerContainer } from "./container.js";
import type { ContainerServer, ContainerServerOptions } from "./container.js";
import { images } from "./images.mjs";
import type { ServerKind } from "./server.js";

export type { ContainerServer, ContainerServerOptions } from "./container.js";

/** A private Redis in a container, without a password, with 64 databases. */
export async function startRedisContainer(options: ContainerServerOptions = {}): Promise<ContainerServer> {
  const persistence = ["--save", "", "--appendonly", options.persistent ? "yes" : "no", "--appendfsync", "always"];
  const container = new GenericContainer(images.redis)
    .withCommand(["redis-server", "--protected-mode", "no", "--databases", "64", ...persistence])
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/i));
  return startServerContainer({
    kind: "redis",
    container,
    port: 6379,
    options,
    urlOf: (address) => `redis://${address}`,
  });
}

/** A private RabbitMQ in a container, with the account guest/guest. */
export async function startRabbitmqContainer(options: ContainerServerOptions = {}): Promise<ContainerServer> {
  const container = new GenericContainer(images.rabbitmq)
    // Its node name, hence its database, is made of the host name, which therefore must not change.
    .withHostname("rabbitmq")
    // Erlang reserves a table as large as the limit: engines that set none would cost it gigabytes. Low enough not to
    // exceed what the engine itself may have.
    .withUlimits({ nofile: { soft: 4096, hard: 4096 } })
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete/));
  const server = await startServerContainer({
    kind: "rabbitmq",
    container,
    port: 5672,
    options,
    urlOf: (address) => `amqp://guest:guest@${address}//`,
  });
  const ctl = async (...args: string[]): Promise<string> => {
    const { exitCode, output } = await server.container.exec(["rabbitmqctl", ...args], { user: "rabbitmq" });
    if (exitCode !== 0) throw new Error(`rabbitmqctl ${args.join(" ")} failed:\n${output}`);
    return output;
  };
  return { ...server, ctl };
}

const PASSWORD = "kept-secret";

/** A private PostgreSQL in a container, with the superuser `celeriac`. */
export async function startPostgresqlContainer(options: ContainerServerOptions = {}): Promise<ContainerServer> {
  const container = new GenericContainer(images.postgresql)
    .withEnvironment({ POSTGRES_USER: "celeriac", POSTGRES_PASSWORD: PASSWORD })
    // By address: the server that prepares the data listens on a socket only.
    .withWaitStrategy(Wait.forSuccessfulCommand("pg_isready --host 127.0.0.1"));
  return startServerContainer({
    kind: "postgresql",
    container,
    port: 5432,
    options,
    urlOf: (address) => `postgresql://celeriac:${PASSWORD}@${address}/postgres`,
  });
}

/** A private MariaDB in a container, with the database `celeriac`. */
export async function startMariadbContainer(options: ContainerServerOptions = {}): Promise<ContainerServer> {
  const container = new GenericContainer(images.mariadb)
    .withEnvironment({ MARIADB_ROOT_PASSWORD: PASSWORD, MARIADB_DATABASE: "celeriac" })
    .withWaitStrategy(Wait.forSuccessfulCommand(`mariadb-admin --host=127.0.0.1 --password=${PASSWORD} ping`));
  return startServerContainer({
    kind: "mariadb",
    container,
    port: 3306,
    options,
    urlOf: (address) => `mysql://root:${PASSWORD}@${address}/celeriac`,
  });
}

/** A private ZooKeeper in a container: one server, with sessions as short and as long as the local one has. */
export async function startZookeeperContainer(options: ContainerServerOptions = {}): Promise<ContainerServer> {
  const container = new GenericContainer(images.zookeeper)
    .withEnvironment({
      ZOO_TICK_TIME: "500",
      ZOO_MAX_CLIENT_CNXNS: "0",
      ZOO_ADMINSERVER_ENABLED: "false",
      ZOO_CFG_EXTRA: "maxSessionTimeout=60000",
    })
    // Its port is open, and closes every connection, long before it serves; this is what it says when it does.
    .withWaitStrategy(Wait.forLogMessage(/Using checkIntervalMs/));
  return startServerContainer({
    kind: "zookeeper",
    container,
    port: 2181,
    options,
    urlOf: (address) => `zookeeper://${address}`,
  });
}

/** The kinds that have an image. */
export const containers: Partial<Record<ServerKind, (options: ContainerServerOptions) => Promise<ContainerServer>>> = {
  redis: startRedisContainer,
  rabbitmq: startRabbitmqContainer,
  postgresql: startPostgresqlContainer,
  mariadb: startMariadbContainer,
  zookeeper: startZookeeperContainer,
};
