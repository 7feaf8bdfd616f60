import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Backend, BackendOptions } from "../src/backends/backend.js";
import type { Broker, BrokerOptions } from "../src/brokers/broker.js";
import { openBroker } from "../src/brokers/registry.js";
import { toQueue } from "../src/protocol/queue.js";
import { silentLogger } from "../src/util/logger.js";
import { removeFolder, temporaryFolder } from "./servers/children.js";
import type { Server, ServerKind } from "./servers/index.js";
import { sharedServer } from "./servers/shared.js";

/**
 * The one list of drivers under test. A new driver adds one entry to `brokers` or `backends`; every suite that runs
 * over drivers takes it from here. `DRIVERS=redis,amqp` narrows all of them.
 */

/** Where a driver finds its server, with the server's own ways to be hurt. */
export interface Place {
  /** Our URL; options under Celery's names. */
  readonly url: string;
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** The same place for a Python process, or null where no other process can reach it. */
  readonly python: { readonly url: string; readonly transportOptions: Readonly<Record<string, unknown>> } | null;
  /** The server behind it, when there is one. */
  readonly server: Server | null;
  /** Removes what the place keeps (folders); the server itself is its owner's to stop. */
  close(): Promise<void>;
}

export interface BrokerDriver {
  readonly name: string;
  /** The kind of server it needs; null for none. */
  readonly server: ServerKind | null;
  /** The result backend that it is tested with, by its name in `backends`. Every pair is part of `npm run matrix`. */
  readonly results: string;
  /** An empty place of its own: with the given server, or the one shared by the whole run. */
  prepare(server?: Server): Promise<Place>;
  /** Puts something into a queue that is no message of kombu's, where the medium allows that. */
  readonly poison?: (place: Place, queue: string) => Promise<void>;
}

export interface BackendDriver {
  readonly name: string;
  readonly server: ServerKind | null;
  /** For backends that answer through the broker: the broker's name in `brokers`. */
  readonly over?: string;
  prepare(server?: Server): Promise<Place>;
  /** Puts bytes where `reader` looks for a task's result. `place` is the broker's for backends that go through one. */
  readonly corrupt?: (place: Place, reader: Backend, taskId: string, bytes: Uint8Array) => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** A name nobody else uses: for queues on a shared server. */
export const uniqueName = (what: string): string => `${what}-${randomBytes(4).toString("hex")}`;

let lastDatabase = 0;

/** An empty Redis database. A server of the environment is only used, never emptied: queue names there are unique. */
async function redisPlace(given?: Server): Promise<Place> {
  const server = given ?? (await sharedServer("redis"));
  lastDatabase = (lastDatabase % 15) + 1;
  const url = server.owned ? `${server.url}/${lastDatabase}` : server.url;
  if (server.owned) {
    const connection = new Redis(url);
    await connection.flushdb();
    connection.disconnect();
  }
  return { url, transportOptions: {}, python: { url, transportOptions: {} }, server, close: nothing };
}

async function amqpPlace(given?: Server): Promise<Place> {
  const server = given ?? (await sharedServer("rabbitmq"));
  return {
    url: server.url,
    transportOptions: {},
    python: { url: server.url, transportOptions: {} },
    server,
    close: nothing,
  };
}

function filesystemPlace(): Promise<Place> {
  const folder = temporaryFolder("filesystem");
  for (const name of ["data", "control", "processed"]) mkdirSync(join(folder, name));
  const transportOptions = {
    data_folder_in: join(folder, "data"),
    data_folder_out: join(folder, "data"),
    control_folder: join(folder, "control"),
    processed_folder: join(folder, "processed"),
    // Kombu looks once a second unless told otherwise.
    polling_interval: 0.02,
  };
  return Promise.resolve({
    url: "filesystem://",
    transportOptions,
    python: { url: "filesystem://", transportOptions },
    server: null,
    close: async () => removeFolder(folder),
  });
}

function filePlace(): Promise<Place> {
  const folder = temporaryFolder("results");
  const url = `file://${folder}`;
  const python = { url, transportOptions: {} };
  return Promise.resolve({ url, transportOptions: {}, python, server: null, close: async () => removeFolder(folder) });
}

const localPlace = (url: string): Promise<Place> =>
  Promise.resolve({ url, transportOptions: {}, python: null, server: null, close: nothing });

/** A place of which nothing has to be known: answers travel through the broker. */
const rpcPlace = (): Promise<Place> =>
  Promise.resolve({
    url: "rpc://",
    transportOptions: {},
    python: { url: "rpc://", transportOptions: {} },
    server: null,
    close: nothing,
  });

/** An answer of rpc whose body is broken. */
async function corruptAnswer(place: Place, reader: Backend, taskId: string, body: Uint8Array): Promise<void> {
  const broker = await openBrokerAt(place);
  const properties = { correlationId: taskId, deliveryMode: 1 as const };
  const message = { body, contentType: "application/json", contentEncoding: "utf-8", headers: {}, properties };
  await broker.publish(message, toQueue(reader.replyTo ?? ""), { mandatory: false });
  await broker.close();
}

const allBrokers: readonly BrokerDriver[] = [
  {
    name: "redis",
    server: "redis",
    results: "redis",
    prepare: redisPlace,
    poison: async (place, queue) => {
      const connection = new Redis(place.url);
      await connection.lpush(queue, "this is not an envelope");
      connection.disconnect();
    },
  },
  // On AMQP every message is a message: there is nothing that could be foreign.
  { name: "amqp", server: "rabbitmq", results: "rpc-amqp", prepare: amqpPlace },
  {
    name: "filesystem",
    server: null,
    results: "file",
    prepare: filesystemPlace,
    poison: async ({ transportOptions }, queue) =>
      writeFileSync(join(String(transportOptions.data_folder_in), `0_foreign.${queue}.msg`), "this is not an envelope"),
  },
  { name: "memory", server: null, results: "memory", prepare: () => localPlace(`memory://${uniqueName("test")}`) },
];

const allBackends: readonly BackendDriver[] = [
  {
    name: "redis",
    server: "redis",
    prepare: redisPlace,
    corrupt: async (place, _reader, taskId, bytes) => {
      const connection = new Redis(place.url);
      const key = `celery-task-meta-${taskId}`;
      await connection.set(key, Buffer.from(bytes));
      await connection.publish(key, Buffer.from(bytes));
      connection.disconnect();
    },
  },
  { name: "rpc-amqp", server: "rabbitmq", over: "amqp", prepare: rpcPlace, corrupt: corruptAnswer },
  { name: "rpc-redis", server: "redis", over: "redis", prepare: rpcPlace, corrupt: corruptAnswer },
  { name: "rpc-memory", server: null, over: "memory", prepare: rpcPlace, corrupt: corruptAnswer },
  {
    name: "file",
    server: null,
    prepare: filePlace,
    corrupt: async (place, _reader, taskId, bytes) =>
      writeFileSync(join(place.url.slice("file://".length), `celery-task-meta-${taskId}`), bytes),
  },
  { name: "memory", server: null, prepare: () => localPlace(`memory://${uniqueName("test")}`) },
  { name: "disabled", server: null, prepare: () => localPlace("disabled://") },
];

const wanted = process.env.DRIVERS?.split(",").map((name) => name.trim());
// `rpc` alone stands for rpc over any broker.
const selected = ({ name }: { name: string }): boolean =>
  !wanted || wanted.includes(name) || (name.startsWith("rpc-") && wanted.includes("rpc"));

export const brokers: readonly BrokerDriver[] = allBrokers.filter(selected);
export const backends: readonly BackendDriver[] = allBackends.filter(selected);

export function brokerNamed(name: string): BrokerDriver {
  const driver = allBrokers.find((one) => one.name === name);
  if (!driver) throw new Error(`no broker driver ${name} in interop-tests/drivers.ts`);
  return driver;
}

/** Every pair that a Python process can share with us: all brokers times all backends that fit them. */
export const pairs: readonly { readonly broker: BrokerDriver; readonly backend: BackendDriver }[] = brokers
  .filter(({ name }) => name !== "memory")
  .flatMap((broker) =>
    backends
      .filter(({ name }) => name !== "memory" && name !== "disabled")
      .filter(({ over }) => over === undefined || over === broker.name)
      .map((backend) => ({ broker, backend })),
  );

/** Options with Celery's defaults, as `Celery` hands them to a driver. */
export const brokerOptions = (place: Place, changes: Partial<BrokerOptions> = {}): BrokerOptions => ({
  logger: silentLogger,
  transportOptions: place.transportOptions,
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 120,
  useSsl: false,
  failoverStrategy: "round-robin",
  ...changes,
});

/** Options with Celery's defaults; `broker` is what rpc answers through. */
export const backendOptions = (place: Place, changes: Partial<BackendOptions> = {}): BackendOptions => ({
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: 86_400,
  resultPersistent: false,
  transportOptions: place.transportOptions,
  useSsl: false,
  broker: () => Promise.reject(new Error("this backend was opened without a broker")),
  ...changes,
});

/** Opens a broker driver at a place. */
export const openBrokerAt = (place: Place, changes: Partial<BrokerOptions> = {}): Promise<Broker> =>
  openBroker(place.url, brokerOptions(place, changes));
