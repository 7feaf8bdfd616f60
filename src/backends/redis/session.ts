/** The few things that this driver asks of a Redis client library: one connection, from its start to its end. */
export interface RedisSession {
  /** Sends all commands in one write, in order; one answer per command, an `Error` where the server refused it. */
  run(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]>;
  /** Resolves when the server has confirmed every channel. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
  /** Asks for a sign of life, also while subscribed. */
  ping(): Promise<void>;
  close(): void;
}

/** A command's name and arguments. */
export type RedisCommand = readonly (string | number | Uint8Array)[];

/** What a command answered: bulk strings are bytes. */
export type RedisReply = Error | Uint8Array | string | number | null | readonly RedisReply[];

export interface SessionListener {
  message(channel: string, payload: Uint8Array): void;
  /** The connection is gone; the session is of no more use. Called once, also after `close`. */
  ended(error: Error): void;
}

/** Connects, logs in and selects the database; rejects with the library's own error. */
export type OpenSession = (listener: SessionListener) => Promise<RedisSession>;
