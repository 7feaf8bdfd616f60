import { getContainerRuntimeClient } from "testcontainers";
import type { GenericContainer, StartedNetwork, StartedTestContainer } from "testcontainers";
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

/** What a kind of server adds to a container of its image. */
export interface Plan {
  readonly kind: ServerKind & keyof typeof images;
  readonly container: GenericContainer;
  readonly port: number;
  readonly options: ContainerServerOptions;
  readonly urlOf: (address: string) => string;
}

/** Starts the container on a port of this machine and waits until the plan says that it is ready. */
export async function startServerContainer(
  plan: Plan,
): Promise<ContainerServer & { readonly container: StartedTestContainer }> {
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
