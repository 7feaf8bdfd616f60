import { GenericContainer, Wait, getContainerRuntimeClient } from "testcontainers";
import type { StartedNetwork, StartedTestContainer } from "testcontainers";
import { images, runLabel } from "./images.mjs";
import { freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server, ServerKind, ServerOptions } from "./server.js";

export interface ContainerServerOptions extends ServerOptions {
  /** A network of its own kind on which other containers reach it by the name of its kind (`redis`, `rabbitmq`). */
  readonly network?: StartedNetwork;
}

export interface ContainerServer extends Server {
  /** What other containers of the same network connect to. */
  readonly insideUrl: string;
}

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

interface Plan {
  readonly kind: ServerKind & keyof typeof images;
  readonly container: GenericContainer;
  readonly port: number;
  readonly options: ContainerServerOptions;
  readonly urlOf: (address: string) => string;
}

async function startServerContainer(plan: Plan): Promise<ContainerServer & { container: StartedTestContainer }> {
  const { kind, port, options, urlOf } = plan;
  // A fixed port, because one chosen by the engine changes when the container is restarted, and clients must find the
  // server again.
  const hostPort = await freePort();
  let said = "";
  const prepared = plan.container
    .withExposedPorts({ container: port, host: hostPort })
    .withLabels({ [runLabel]: process.env.CELERIAC_RUN ?? "" })
    .withStartupTimeout(90_000)
    .withLogConsumer((stream) =>
      stream.on("data", (chunk: Buffer | string) => (said = (said + chunk.toString()).slice(-4000))),
    );
  if (options.network) prepared.withNetwork(options.network).withNetworkAliases(kind);
  const container = await prepared.start().catch((error: unknown) => {
    if (isMissingImage(error))
      throw new ServerMissing(`the image ${images[kind]} is not here and cannot be pulled`, { cause: error });
    throw new Error(`the ${kind} container did not start; it said:\n${said}`, { cause: error });
  });
  const host = container.getHost() === "localhost" ? "127.0.0.1" : container.getHost();
  return {
    kind,
    provider: "containers",
    owned: true,
    url: urlOf(`${host}:${hostPort}`),
    insideUrl: urlOf(`${kind}:${port}`),
    container,
    kill: async () => {
      const engine = await getContainerRuntimeClient();
      await engine.container.getById(container.getId()).kill();
    },
    // The engine asks the server to end, waits that long, and starts it again.
    restart: () => container.restart({ timeout: 20_000 }),
    stop: async () => {
      await container.stop();
    },
  };
}

/** The engine's answers when an image is neither local nor obtainable. */
function isMissingImage(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return /no such image|pull|manifest|registry|no such host|toomanyrequests/i.test(message);
}

/** The kinds that have an image. */
export const containers: Partial<Record<ServerKind, (options: ContainerServerOptions) => Promise<ContainerServer>>> = {
  redis: startRedisContainer,
  rabbitmq: startRabbitmqContainer,
};
