/**
 * What the driver needs of a Redis client: one connection, no cleverness. ioredis is behind it today; another client
 * only has to offer these few calls.
 */
export interface RedisSession {
  /** Rejects with the server's error, or with the reason why the connection ended. */
  call(command: string, ...args: readonly RedisArgument[]): Promise<unknown>;
  subscribe(channel: string): Promise<void>;
  psubscribe(pattern: string): Promise<void>;
  punsubscribe(pattern: string): Promise<void>;
  /** Ends the connection once what was sent is answered. */
  quit(): Promise<void>;
  /** Ends the connection now. */
  destroy(reason?: Error): void;
}

export type RedisArgument = string | number;

export interface SessionEvents {
  /** Once, whether wanted or not. */
  ended(reason: Error): void;
  /** A published message: the pattern (or channel) it was subscribed by, its channel, its text. */
  message(pattern: string, channel: string, text: string): void;
}

/** Where and how to connect. */
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

export interface ConnectSettings {
  /** Milliseconds for one connection to come about. */
  readonly connectTimeout: number;
  /** Milliseconds between two signs of life; 0 for none. */
  readonly healthCheck: number;
  readonly clientName: string | undefined;
  readonly keepAlive: boolean;
}
