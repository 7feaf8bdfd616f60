import { ImproperlyConfigured } from "../../errors.js";
import { requirePeer } from "../../util/load-peer.js";

/** What the driver uses of the package node-zookeeper-client (1.1.3), which brings no types of its own. */
export interface ZooKeeperPackage {
  createClient(connectionString: string, options: ClientOptions): ZooKeeperClient;
}

export interface ClientOptions {
  /** Milliseconds. */
  readonly sessionTimeout: number;
  readonly spinDelay: number;
  readonly retries: number;
}

/** Calls throw for arguments they do not like; everything else comes through the callback. */
export interface ZooKeeperClient {
  readonly connectionManager: ConnectionManager;
  connect(): void;
  close(): void;
  on(event: "connected", listener: () => void): unknown;
  addAuthInfo(scheme: string, auth: Buffer): void;
  /** What the server granted, in milliseconds. */
  getSessionTimeout(): number;
  create(path: string, data: Buffer, mode: number, callback: Callback<string>): void;
  remove(path: string, version: number, callback: Callback<void>): void;
  exists(path: string, callback: Callback<Stat | null>): void;
  getData(path: string, callback: Callback<Buffer | undefined>): void;
  getChildren(path: string, callback: ChildrenCallback): void;
  getChildren(path: string, watcher: () => void, callback: ChildrenCallback): void;
}

/** `error` is undefined or null when there is none. */
export type Callback<T> = (error: unknown, value: T) => void;
export type ChildrenCallback = (error: unknown, children: string[] | undefined, stat: Stat) => void;

/** Longs are eight bytes. */
export interface Stat {
  /** The transaction that created the node: another one each time a node of the same path is created. */
  readonly czxid: Buffer;
  readonly numChildren: number;
}

/**
 * The inner half of the client, as version 1.1 has it. It is reached into because nothing outside of it tells why a connection could not be
 * made, or ends one whose server is silent.
 */
export interface ConnectionManager {
  servers: readonly { readonly host: string; readonly port: number }[];
  socket: ClientSocket | undefined;
  connect(): void;
  onSocketData(chunk: Buffer): void;
  on(event: "state", listener: (state: number) => void): unknown;
}

export interface ClientSocket {
  readonly errored: Error | null;
  destroy(error: Error): unknown;
}

/** States of the connection manager. */
export const DISCONNECTED = 0;
export const AUTHENTICATION_FAILED = -4;

export const PERSISTENT = 0;
export const PERSISTENT_SEQUENTIAL = 2;

/** The package: handed in, or else the optional peer. */
export function loadZooKeeper(lib: unknown): ZooKeeperPackage {
  const found = lib ?? requirePeer("node-zookeeper-client", "the ZooKeeper broker");
  for (const one of [found, property(found, "default")])
    if (typeof property(one, "createClient") === "function") return one as ZooKeeperPackage;
  throw new ImproperlyConfigured('the "lib" option of a ZooKeeper broker has to be the node-zookeeper-client module');
}

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
