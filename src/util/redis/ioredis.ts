import type { Redis, RedisOptions } from "ioredis";
import { ImproperlyConfigured, NotSupported, OperationalError } from "../../errors.js";
import { onAbort } from "../abort.js";
import { deferred } from "../deferred.js";
import { loadPeer } from "../load-peer.js";
import { after, every } from "../time.js";
import type { Timer } from "../time.js";
import { isReply } from "./failure.js";
import type {
  Connect,
  ConnectSettings,
  Endpoint,
  RedisArgument,
  RedisCommand,
  RedisReply,
  RedisSession,
  SessionEvents,
} from "./session.js";
import { readTls } from "./tls.js";

export type RedisClass = new (options: RedisOptions) => Redis;

/** What the other end has to be; anything else is refused when the connection is made. */
export type ServerRole = "server" | "master" | "sentinel";

/** The client class: from what the caller handed in (the module or the class), or from the optional peer package. */
export async function loadRedis(lib: unknown, what: string): Promise<RedisClass> {
  const module: unknown = lib ?? (await loadPeer("ioredis", what, () => import("ioredis")));
  const candidates = [module, property(module, "Redis"), property(module, "default")];
  const found = candidates.find((one) => typeof one === "function");
  if (!found)
    throw new ImproperlyConfigured(`the "lib" option of ${what} has to be the ioredis module or its Redis class`);
  return found as RedisClass;
}

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** `Connect` to the endpoint itself. */
export const connectDirectly =
  (load: () => Promise<RedisClass>, settings: ConnectSettings): Connect =>
  async (endpoint, events, signal) =>
    connectRedis(await load(), endpoint, settings, events, signal);

/**
 * One ioredis connection. Everything ioredis would do by itself (reconnecting, queueing, sending again, logging in,
 * subscribing again) is off: the drivers do these in one place, where errors can be told to the caller.
 */
export async function connectRedis(
  RedisClient: RedisClass,
  endpoint: Endpoint,
  settings: ConnectSettings,
  events: SessionEvents,
  signal: AbortSignal,
  role: ServerRole = "server",
): Promise<RedisSession> {
  const tls = endpoint.tls && (await readTls(endpoint.tls, endpoint.displayUrl));
  signal.throwIfAborted();
  const options: Record<string, unknown> = {
    ...(endpoint.path === undefined
      ? { host: endpoint.host, port: endpoint.port, family: 0 }
      : { path: endpoint.path }),
    ...(tls && { tls }),
    lazyConnect: true,
    // RESP2 in version 6 too: pub/sub replies keep one shape.
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
    ...(settings.socketTimeout && { socketTimeout: settings.socketTimeout }),
    // How long the other end may take to say goodbye: whoever waits for an answer of a dead one waits for that, too.
    disconnectTimeout: 20,
    noDelay: true,
    // ioredis looks for a number; anything else leaves keep-alive off.
    keepAlive: settings.keepAlive === false ? null : settings.keepAlive,
  };
  const session = new IoredisSession(new RedisClient(options), settings, events);
  const off = onAbort(signal, () => session.destroy(new Error("the attempt was given up")));
  // Accepting a connection and saying nothing is no answer either.
  const timer = after(settings.connectTimeout * 2, () =>
    session.destroy(new Error(`no answer within ${settings.connectTimeout / 1000} s`)),
  );
  try {
    await session.connect(endpoint, role);
  } catch (error) {
    session.destroy();
    throw session.reason ?? error;
  } finally {
    timer.cancel();
    off();
  }
  return session;
}

class IoredisSession implements RedisSession {
  readonly #client: Redis;
  readonly #settings: ConnectSettings;
  /** Why the connection ended: the first error that was told, since "Connection is closed." says nothing. */
  reason: Error | undefined;
  readonly #events: SessionEvents;
  #told = false;
  #waiting = 0;
  #answered = 0;
  readonly #check: Timer | undefined;
  readonly #ended = deferred<void>();

  constructor(client: Redis, settings: ConnectSettings, events: SessionEvents) {
    this.#client = client;
    this.#settings = settings;
    this.#events = events;
    client.on("error", (error: Error) => (this.reason ??= error));
    const { message, payload } = events;
    if (message) {
      client.on("message", (channel: string, text: string) => message(channel, channel, text));
      client.on("pmessage", (pattern: string, channel: string, text: string) => message(pattern, channel, text));
    }
    if (payload) client.on("messageBuffer", (channel: Buffer, bytes: Buffer) => payload(channel.toString(), bytes));
    this.#check = settings.healthCheck > 0 ? every(settings.healthCheck, () => this.#askForLife()) : undefined;
    client.once("end", () => {
      this.#tellEnd();
      this.#ended.resolve();
    });
  }

  async connect(endpoint: Endpoint, role: ServerRole): Promise<void> {
    await this.#client.connect();
    const { clientName, credentials } = this.#settings;
    const { username, password } = credentials ? await Promise.race([credentials(), this.#gone()]) : endpoint;
    if (username !== undefined) await this.call("AUTH", username, password ?? "");
    else if (password !== undefined) await this.call("AUTH", password);
    if (role === "sentinel") return void (await this.call("PING"));
    if (clientName !== undefined) await this.call("CLIENT", "SETNAME", clientName);
    if (endpoint.db !== 0) await this.#select(endpoint);
    const [greeting] = await Promise.all([this.#greeting(), this.call("PING")]);
    checkGreeting(greeting, role, endpoint.displayUrl);
  }

  call(command: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    return this.#asked(() => this.#client.call(command, ...args));
  }

  async run(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of commands) pipeline.callBuffer(String(name), ...args.map(argument));
    const replies = (await this.#asked(() => pipeline.exec())) ?? [];
    return replies.map(([error, reply]) => (error ? this.#explained(error) : (reply as RedisReply)));
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#asked(() => this.#client.subscribe(...channels));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#asked(() => this.#client.unsubscribe(...channels));
  }

  async psubscribe(pattern: string): Promise<void> {
    await this.#asked(() => this.#client.psubscribe(pattern));
  }

  async punsubscribe(pattern: string): Promise<void> {
    await this.#asked(() => this.#client.punsubscribe(pattern));
  }

  async quit(): Promise<void> {
    const timer = after(this.#settings.connectTimeout, () => this.destroy());
    await this.#client.quit().catch(() => this.destroy());
    await this.#ended.promise;
    timer.cancel();
  }

  destroy(reason?: Error): void {
    if (reason) this.reason ??= reason;
    // Before the socket is gone: whoever asks now has to get another connection.
    this.#tellEnd();
    this.#client.disconnect();
  }

  /** For what the end of the connection does not end by itself: a provider that never answers. */
  async #gone(): Promise<never> {
    await this.#ended.promise;
    throw this.reason ?? new Error("the connection was just lost");
  }

  #tellEnd(): void {
    if (this.#told) return;
    this.#told = true;
    this.#check?.cancel();
    this.#events.ended(this.reason ?? new Error("the server closed the connection"));
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      return await ask();
    } catch (error) {
      throw this.#explained(error);
    } finally {
      this.#waiting--;
      this.#answered++;
    }
  }

  /** When the connection is lost, ioredis gives each call the same empty sentence: the reason says more. */
  #explained(error: unknown): Error {
    if (isReply(error)) return error;
    if (this.reason) return this.reason;
    // ioredis speaks of its own options then.
    if (this.#client.status !== "ready") return new Error("the connection was just lost");
    return error instanceof Error ? error : new Error(String(error));
  }

  async #select({ db, displayUrl }: Endpoint): Promise<void> {
    try {
      await this.call("SELECT", db);
    } catch (error) {
      if (isReply(error) && /cluster mode/.test(error.message)) throw clusterError(displayUrl, error);
      throw error;
    }
  }

  /** What the server says of itself, as pairs; nothing before Redis 6 or where the user may not ask. */
  async #greeting(): Promise<ReadonlyMap<string, unknown>> {
    const pairs = new Map<string, unknown>();
    const answer = await this.call("HELLO").catch((error: unknown) => {
      if (!isReply(error)) throw error;
      return [];
    });
    const flat: readonly unknown[] = Array.isArray(answer) ? answer : [];
    for (let at = 0; at + 1 < flat.length; at += 2) pairs.set(String(flat[at]), flat[at + 1]);
    return pairs;
  }

  /** A half-open connection gives no error: a question without an answer for a whole interval is its end. */
  #askForLife(): void {
    if (this.#waiting > 0 && this.#answered === 0)
      return this.destroy(new Error(`no answer for ${this.#settings.healthCheck / 1000} s`));
    this.#answered = 0;
    if (this.#waiting === 0) this.call("PING").catch(() => undefined);
  }
}

function checkGreeting(greeting: ReadonlyMap<string, unknown>, role: ServerRole, displayUrl: string): void {
  const mode = greeting.get("mode");
  if (mode === "cluster") throw clusterError(displayUrl);
  if (mode === "sentinel")
    throw new ImproperlyConfigured(
      `${displayUrl} is a Sentinel: use sentinel:// with the transport option master_name, and Redis finds its master`,
    );
  if (role === "master" && greeting.get("role") === "replica")
    throw new OperationalError(`${displayUrl} is not the master any more, or not yet`);
}

const clusterError = (displayUrl: string, cause?: Error): NotSupported =>
  new NotSupported(
    `${displayUrl} is a node of a Redis Cluster, which is not supported, as in kombu: use one server, or Sentinel`,
    { cause },
  );

const argument = (value: RedisArgument | Uint8Array): string | number | Buffer =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
