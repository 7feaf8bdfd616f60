import type { Redis, RedisOptions } from "ioredis";
import type { OpenSession, RedisCommand, RedisReply } from "./session.js";

type RedisClass = new (options: RedisOptions) => Redis;

/**
 * Sessions on ioredis (5.11 or later). One client is one connection: ioredis's own queueing, resending and
 * reconnecting are switched off, so that a call never waits for a server that is down and never runs twice unseen.
 */
export function ioredisSessions(lib: unknown, options: RedisOptions): OpenSession {
  const RedisClient = classOf(lib);
  return async (listener) => {
    const client = new RedisClient({
      ...options,
      lazyConnect: true,
      retryStrategy: () => null,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      // RESP2 in version 6 too: pub/sub replies keep one shape.
      protocol: 2,
      disableClientInfo: true,
      // A dead connection is not waited for when it is closed.
      disconnectTimeout: 500,
    });
    let lastError = undefined as Error | undefined;
    client.on("error", (error: Error) => (lastError = error));
    try {
      await client.connect();
      // A database that does not exist is only an event: ioredis would go on with database 0.
      if (lastError) throw lastError;
    } catch (error) {
      client.disconnect();
      // What `connect` rejects with is often only "Connection is closed.": the event before it says why.
      throw lastError ?? error;
    }
    client.on("messageBuffer", (channel: Buffer, payload: Buffer) => listener.message(channel.toString(), payload));
    client.on("end", () => listener.ended(lastError ?? new Error("the server closed the connection")));
    return {
      run: (commands) => run(client, commands),
      subscribe: async (channels) => void (await client.subscribe(...channels)),
      unsubscribe: async (channels) => void (await client.unsubscribe(...channels)),
      ping: async () => void (await client.ping()),
      close: () => client.disconnect(),
    };
  };
}

async function run(client: Redis, commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
  const pipeline = client.pipeline();
  for (const [name, ...args] of commands) pipeline.callBuffer(String(name), ...args.map(argument));
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => error ?? (reply as RedisReply));
}

const argument = (value: string | number | Uint8Array): string | number | Buffer =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;

/** The package's namespace, its default export, or the class itself. */
function classOf(lib: unknown): RedisClass {
  const found =
    typeof lib === "function"
      ? lib
      : ((lib as { Redis?: unknown }).Redis ?? (lib as { default?: unknown }).default ?? lib);
  return found as RedisClass;
}
