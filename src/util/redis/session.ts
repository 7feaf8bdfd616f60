/**
 * What broker and result backend need of a Redis client: one connection, no cleverness. ioredis is behind it today;
 * another client only has to offer these few calls.
 */
export interface RedisSession {
  /** Rejects with the server's error, or with the reason why the connection ended. Bulk strings come as text. */
  call(command: string, ...args: readonly RedisArgument[]): Promise<unknown>;
  /** Sends all commands in one write, in order; one answer per command, an `Error` where the server refused it. */
  run(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]>;
  /** These four resolve when the server has confirmed every name. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
  psubscribe(pattern: string): Promise<void>;
  punsubscribe(pattern: string): Promise<void>;
  /** Ends the connection once what was sent is answered. */
  quit(): Promise<void>;
  /** Ends the connection now. */
  destroy(reason?: Error): void;
}

export type RedisArgument = string | number;

/** A command's name and arguments. */
export type RedisCommand = readonly (RedisArgument | Uint8Array)[];

/** What a command of `run` answered: bulk strings are bytes. */
export type RedisReply = Error | Uint8Array | string | number | null | readonly RedisReply[];

export interface SessionEvents {
  /** Once, whether wanted or not. */
  ended(reason: Error): void;
  /** A published message as text: the pattern (or channel) it was subscribed by, its channel, its text. */
  readonly message?: (pattern: string, channel: string, text: string) => void;
  /** A published message as bytes, of channels subscribed by name. */
  readonly payload?: (channel: string, payload: Uint8Array) => void;
}

/** Where to connect. */
export interface Endpoint {
  /** Without secrets. */
  readonly displayUrl: string;
  readonly host: string;
  readonly port: number;
  /** A Unix socket instead of host and port. */
  readonly path: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** Node's TLS options, with file names not read yet; undefined for plain text. */
  readonly tls: TlsSettings | undefined;
}

export interface TlsSettings {
  readonly options: Readonly<Record<string, unknown>>;
  /** Read when a connection is made, so that renewed certificates are used. */
  readonly files: Readonly<Partial<Record<"ca" | "cert" | "key", string>>>;
}

/** User and password of one connection, asked for when it is made: tokens that end after a while. */
export type CredentialProvider = () => RedisCredentials | Promise<RedisCredentials>;

export interface RedisCredentials {
  /** Default: the server's default user. */
  readonly username?: string | undefined;
  readonly password: string;
}

/** How to connect. */
export interface ConnectSettings {
  /** Milliseconds for one connection to come about. */
  readonly connectTimeout: number;
  /** Milliseconds without a byte while an answer is due, after which the connection is dead; undefined for no limit. */
  readonly socketTimeout: number | undefined;
  /** Milliseconds between two signs of life; 0 for none. */
  readonly healthCheck: number;
  readonly clientName: string | undefined;
  /** Milliseconds of silence before TCP asks for a sign of life, or false. */
  readonly keepAlive: number | false;
  /** Instead of user and password of the endpoint. */
  readonly credentials: CredentialProvider | undefined;
}

/** Makes one connection; the signal gives up a half-made one. */
export type Connect = (endpoint: Endpoint, events: SessionEvents, signal: AbortSignal) => Promise<RedisSession>;
