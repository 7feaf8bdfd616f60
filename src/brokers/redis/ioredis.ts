import { readFile } from "node:fs/promises";
import type { Redis, RedisOptions } from "ioredis";
import { ImproperlyConfigured } from "../../errors.js";
import { onAbort } from "../../util/abort.js";
import { deferred } from "../../util/deferred.js";
import { loadPeer } from "../../util/load-peer.js";
import { after, every } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import type { ConnectSettings, Endpoint, RedisSession, SessionEvents, TlsSettings } from "./session.js";

export type RedisClass = new (options: RedisOptions) => Redis;

/** The client class: from what the caller handed in (the module or the class), or from the optional peer package. */
export async function loadRedis(lib: unknown): Promise<RedisClass> {
  const module: unknown = lib ?? (await loadPeer("ioredis", "the Redis broker", () => import("ioredis")));
  const candidates = [module, property(module, "Redis"), property(module, "default")];
  const found = candidates.find((one) => typeof one === "function");
  if (!found)
    throw new ImproperlyConfigured(
      'the "lib" option of a Redis broker has to be the ioredis module or its Redis class',
    );
  return found as RedisClass;
}

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/**
 * One ioredis connection. Everything ioredis would do by itself (reconnecting, queueing, sending again, logging in,
 * subscribing again) is off: the driver does these in one place, where errors can be told to the caller.
 */
export async function connectRedis(
  RedisClient: RedisClass,
  endpoint: Endpoint,
  settings: ConnectSettings,
  events: SessionEvents,
  signal: AbortSignal,
): Promise<RedisSession> {
  const tls = endpoint.tls && (await tlsOptions(endpoint, endpoint.tls));
  signal.throwIfAborted();
  const client = new RedisClient({
    ...(endpoint.path === undefined ? { host: endpoint.host, port: endpoint.port } : { path: endpoint.path }),
    ...(tls ? { tls } : {}),
    lazyConnect: true,
    protocol: 2,
    retryStrategy: () => null,
    reconnectOnError: () => false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    connectTimeout: settings.connectTimeout,
    // How long the other end may take to say goodbye.
    disconnectTimeout: 500,
    noDelay: true,
    ...(settings.keepAlive ? {} : { keepAlive: -1 }),
  });
  const session = new IoredisSession(client, settings, events);
  const off = onAbort(signal, () => session.destroy(new Error("the attempt was given up")));
  try {
    await session.connect(endpoint);
  } catch (error) {
    session.destroy();
    throw session.reason ?? error;
  } finally {
    off();
  }
  return session;
}

async function tlsOptions(endpoint: Endpoint, { options, files }: TlsSettings): Promise<Record<string, unknown>> {
  const tls: Record<string, unknown> = { ...options };
  for (const [name, path] of Object.entries(files))
    try {
      tls[name] = await readFile(path);
    } catch (cause) {
      throw new ImproperlyConfigured(`the TLS ${name} file ${path} of ${endpoint.displayUrl} cannot be read`, {
        cause,
      });
    }
  return tls;
}

class IoredisSession implements RedisSession {
  readonly #client: Redis;
  readonly #settings: ConnectSettings;
  /** Why the connection ended: the first error that was told, since "Connection is closed." says nothing. */
  reason: Error | undefined;
  #waiting = 0;
  #answered = 0;
  readonly #check: Timer | undefined;
  readonly #ended = deferred<void>();

  constructor(client: Redis, settings: ConnectSettings, events: SessionEvents) {
    this.#client = client;
    this.#settings = settings;
    client.on("error", (error: Error) => (this.reason ??= error));
    client.on("message", (channel: string, text: string) => events.message(channel, channel, text));
    client.on("pmessage", (pattern: string, channel: string, text: string) => events.message(pattern, channel, text));
    this.#check = settings.healthCheck > 0 ? every(settings.healthCheck, () => this.#askForLife()) : undefined;
    client.once("end", () => {
      this.#check?.cancel();
      this.#ended.resolve();
      events.ended(this.reason ?? new Error("the server closed the connection"));
    });
  }

  async connect({ username, password, db }: Endpoint): Promise<void> {
    await this.#client.connect();
    const { clientName } = this.#settings;
    if (password !== undefined)
      await (username === undefined ? this.call("AUTH", password) : this.call("AUTH", username, password));
    if (clientName !== undefined) await this.call("CLIENT", "SETNAME", clientName);
    if (db !== 0) await this.call("SELECT", db);
    await this.call("PING");
  }

  async call(command: string, ...args: (string | number)[]): Promise<unknown> {
    this.#waiting++;
    try {
      return await this.#client.call(command, ...args);
    } catch (error) {
      // When the connection is lost, ioredis gives each call the same empty sentence: the reason says more.
      throw this.reason && !(error instanceof Error && error.name === "ReplyError") ? this.reason : error;
    } finally {
      this.#waiting--;
      this.#answered++;
    }
  }

  async subscribe(channel: string): Promise<void> {
    await this.#client.subscribe(channel);
  }

  async psubscribe(pattern: string): Promise<void> {
    await this.#client.psubscribe(pattern);
  }

  async punsubscribe(pattern: string): Promise<void> {
    await this.#client.punsubscribe(pattern);
  }

  async quit(): Promise<void> {
    const timer = after(this.#settings.connectTimeout, () => this.destroy());
    await this.#client.quit().catch(() => this.destroy());
    await this.#ended.promise;
    timer.cancel();
  }

  destroy(reason?: Error): void {
    if (reason) this.reason ??= reason;
    this.#check?.cancel();
    this.#client.disconnect();
  }

  /** A half-open connection gives no error: a question without an answer for a whole interval is its end. */
  #askForLife(): void {
    if (this.#waiting > 0 && this.#answered === 0)
      return this.destroy(new Error(`no answer for ${this.#settings.healthCheck / 1000} s`));
    this.#answered = 0;
    if (this.#waiting === 0) this.call("PING").catch(() => undefined);
  }
}
