import { Celery } from "../src/index.js";
import type { CeleryOptions } from "../src/index.js";
import { queue } from "../src/protocol/queue.js";
import { backends, brokers, openBrokerAt, pairs, pythonSettings, uniqueName } from "./drivers/index.js";
import type { BackendDriver, BrokerDriver } from "./drivers/index.js";
import type { PythonTarget } from "./python/environment.js";
import { celeryVersions, newestCelery } from "./python/venvs.mjs";
import type { CeleryVersion } from "./python/venvs.mjs";
import type { Server } from "./servers/index.js";

/** One broker, one result backend and one Celery version. */
export interface Combination {
  readonly broker: BrokerDriver;
  readonly backend: BackendDriver;
  readonly version: CeleryVersion;
  readonly name: string;
}

function combination(broker: BrokerDriver, backend: BackendDriver, version: CeleryVersion): Combination {
  return { broker, backend, version, name: `Celery ${version}, ${broker.name} broker, ${backend.name} results` };
}

/** The brokers that every Celery version is tested with; the others with the newest and the oldest one. */
const everyVersion = ["redis", "amqp", "filesystem"];

const wantedVersions = process.env.CELERY_VERSIONS?.split(",");
const versions = celeryVersions.filter((version) => !wantedVersions || wantedVersions.includes(version));
const endsOfRange = versions.filter((version) => version === newestCelery || version === celeryVersions[0]);

/** The pairs of one broker: with the results that go best with it, and as the usual broker of some result backends. */
function backendsWith(broker: BrokerDriver): readonly BackendDriver[] {
  const homeOf = (backend: BackendDriver): string =>
    backend.over ?? brokers.find(({ results }) => results === backend.name)?.name ?? "redis";
  return pairs
    .filter((pair) => pair.broker === broker)
    .map(({ backend }) => backend)
    .filter((backend) => backend.name === broker.results || homeOf(backend) === broker.name);
}

/** Each broker and each result backend at least once. `DRIVERS` and `CELERY_VERSIONS` narrow them. */
export const combinations: readonly Combination[] = brokers.flatMap((broker) =>
  backendsWith(broker).flatMap((backend) => {
    const usual = broker.results === backend.name && everyVersion.includes(broker.name);
    return (usual ? versions : endsOfRange).map((version) => combination(broker, backend, version));
  }),
);

/** The usual pairs of the brokers with a server, with the newest version: for tests that look deeper. */
export const deepCombinations: readonly Combination[] = ["redis", "amqp"].flatMap((name) => {
  const broker = brokers.find((one) => one.name === name);
  const backend = backends.find((one) => one.name === broker?.results);
  const version = versions.at(-1);
  return broker && backend && version ? [combination(broker, backend, version)] : [];
});

/** A place where both languages meet: its own queue, and for each side how to reach it. */
export interface Stage {
  readonly combination: Combination;
  /** The default queue of both sides. */
  readonly queue: string;
  /** For Python processes. */
  readonly target: PythonTarget;
  /** Options of an application of ours; close what is made of them. */
  readonly options: CeleryOptions;
  /** An application of ours that is closed with the stage. */
  app(changes?: Partial<CeleryOptions>): Celery;
  /** A further queue name that is removed with the stage. */
  extraQueue(what: string): string;
  /** Closes applications, removes queues and folders. */
  close(): Promise<void>;
}

/** `server`: a private one, for stages that hurt it. */
export async function openStage(combination: Combination, server?: Server): Promise<Stage> {
  const own = (kind: string | null): Server | undefined => (server && server.kind === kind ? server : undefined);
  const broker = await combination.broker.prepare(own(combination.broker.server));
  const backend = await combination.backend.prepare(own(combination.backend.server));
  if (!broker.python || !backend.python) throw new Error(`Python cannot reach ${combination.name}`);
  const names = [uniqueName("interop")];
  const [queueName = ""] = names;
  const apps: Celery[] = [];
  const options: CeleryOptions = {
    broker: broker.url,
    backend: backend.url,
    brokerTransportOptions: broker.transportOptions,
    resultBackendTransportOptions: backend.transportOptions,
    taskDefaultQueue: queueName,
    ...broker.settings,
    ...backend.settings,
  };
  return {
    combination,
    queue: queueName,
    options,
    target: {
      version: combination.version,
      broker: broker.python.url,
      backend: backend.python.url,
      conf: {
        broker_transport_options: broker.python.transportOptions,
        task_default_queue: queueName,
        ...pythonSettings(broker),
        ...pythonSettings(backend),
      },
    },
    app: (changes = {}) => {
      const app = new Celery({ ...options, ...changes });
      apps.push(app);
      return app;
    },
    extraQueue: (what) => {
      const name = uniqueName(what);
      names.push(name);
      return name;
    },
    close: async () => {
      await Promise.all(apps.map((app) => app.close()));
      // A private server takes its queues with it.
      if (!server) {
        const cleaner = await openBrokerAt(broker);
        for (const name of names) await cleaner.delete(queue(name));
        await cleaner.close();
      }
      await broker.close();
      await backend.close();
    },
  };
}
