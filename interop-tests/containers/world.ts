import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { GenericContainer, Network, Wait } from "testcontainers";
import type { StartedNetwork, StartedTestContainer } from "testcontainers";
import { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";
import { PythonClient } from "../python/client.js";
import { newestCelery } from "../python/venvs.mjs";
import { startChild } from "../servers/children.js";
import { startRabbitmqContainer, startRedisContainer } from "../servers/containers.js";
import type { ContainerServer } from "../servers/containers.js";
import { runLabel, workerImage } from "../servers/images.mjs";

/** Which servers carry messages and results. */
export interface Setting {
  readonly name: string;
  readonly broker: "redis" | "rabbitmq";
  readonly backend: "redis" | "rpc";
}

/** The settings that people run: Redis for everything, RabbitMQ for everything, and RabbitMQ with results in Redis. */
export const settings: readonly Setting[] = [
  { name: "Redis", broker: "redis", backend: "redis" },
  { name: "RabbitMQ", broker: "rabbitmq", backend: "rpc" },
  { name: "RabbitMQ with results in Redis", broker: "rabbitmq", backend: "redis" },
];

/** Where the Python worker listens, and where ours does. */
export const pythonQueue = "celery";
export const nodeQueue = "node";

/** A small data centre: servers and a Python worker in containers on one network, our side in this process. */
export interface World {
  readonly broker: ContainerServer;
  /** The broker itself when results travel through it. */
  readonly backend: ContainerServer;
  /** An application of ours, closed with the world. */
  app(changes?: Partial<CeleryOptions>): Celery;
  /** A further Python client in the worker's container, closed with the world. */
  python(): Promise<PythonClient>;
  /** What the Python worker logged last. */
  workerLog(): Promise<string>;
  close(): Promise<void>;
}

export async function openWorld(setting: Setting): Promise<World> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const one of closers.splice(0).reverse()) await one().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, "the world could not be closed");
  };
  const closing = <T>(thing: T, end: (thing: T) => Promise<unknown>): T => {
    closers.push(() => end(thing));
    return thing;
  };
  try {
    const network = closing(await startNetwork(), (one) => one.stop());
    const stop = (server: ContainerServer): Promise<void> => server.stop();
    const redis = (): Promise<ContainerServer> => startRedisContainer({ network, persistent: true });
    const broker = closing(await (setting.broker === "redis" ? redis() : startRabbitmqContainer({ network })), stop);
    const apart = setting.backend === "redis" && setting.broker !== "redis";
    const backend = apart ? closing(await redis(), stop) : broker;
    const results = (url: string): string => (setting.backend === "rpc" ? "rpc://" : url);
    const environment = {
      CELERY_BROKER_URL: broker.insideUrl,
      CELERY_RESULT_BACKEND: results(backend.insideUrl),
      CELERIAC_CONF: JSON.stringify({ task_routes: { "node.*": { queue: nodeQueue } } }),
    };
    const worker = closing(await startWorker(network, environment), (one) => one.stop());
    return {
      broker,
      backend,
      app: (changes = {}) =>
        closing(new Celery({ broker: broker.url, backend: results(backend.url), ...changes }), (one) => one.close()),
      python: async () => closing(await startClient(worker), (one) => one.close()),
      workerLog: () => lastLines(worker, 25),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function startNetwork(): Promise<StartedNetwork> {
  // The name begins with the run's, so that a run that was killed can be cleaned up.
  const name = `${process.env.CELERIAC_RUN ?? "celeriac"}-${randomBytes(4).toString("hex")}`;
  return new Network({ nextUuid: () => name }).start();
}

const clientScript = fileURLToPath(new URL("../python/client.py", import.meta.url));
/** Where client.py lies in the worker's container. */
const clientInside = "/client/client.py";

/** Celery's own defaults: the prefork pool, gossip and mingle included. */
function startWorker(network: StartedNetwork, environment: Record<string, string>): Promise<StartedTestContainer> {
  return new GenericContainer(workerImage(newestCelery))
    .withNetwork(network)
    .withEnvironment({ ...environment, PYTHONPATH: "/app", PYTHONIOENCODING: "utf-8" })
    .withCommand(["python3", "-m", "celery", "-A", "tasks", "worker", "-l", "INFO", "-c", "2", "-Q", pythonQueue])
    .withCopyFilesToContainer([{ source: clientScript, target: clientInside }])
    .withLabels({ [runLabel]: process.env.CELERIAC_RUN ?? "" })
    .withWaitStrategy(Wait.forLogMessage(/ ready\./))
    .withStartupTimeout(60_000)
    .start();
}

/** client.py in the worker's container: the Docker command line carries its JSON lines. */
function startClient(worker: StartedTestContainer): Promise<PythonClient> {
  const options = { env: process.env, stdio: "pipe" } as const;
  const child = startChild("docker", ["exec", "--interactive", worker.getId(), "python3", clientInside], options);
  return PythonClient.over(child, `a Celery ${newestCelery} client in a container`);
}

/** Both streams of a container's output, up to now. */
async function lastLines(container: StartedTestContainer, count: number): Promise<string> {
  const child = startChild("docker", ["logs", "--tail", String(count), container.getId()]);
  await child.ended;
  return child.output;
}
