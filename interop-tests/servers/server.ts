/** A real server for tests, whoever provides it. */
export interface Server {
  readonly kind: ServerKind;
  /** Where it came from, for messages to people. */
  readonly provider: Provider;
  /** What clients connect to, such as `redis://127.0.0.1:16379` or `amqp://guest:guest@127.0.0.1:15672//`. */
  readonly url: string;
  /** Path of a Unix socket it also listens on, when it has one. */
  readonly socket?: string;
  /** What it told of its version at its start: for servers that no client can ask. */
  readonly version?: string | undefined;
  /** False for a server named in the environment: it is not ours to end. */
  readonly owned: boolean;
  /** Ends it abruptly (SIGKILL); `restart` brings it back. */
  kill(): Promise<void>;
  /** Ends it if it runs and starts it again under the same URL. Messages survive as the server's own rules say. */
  restart(): Promise<void>;
  /** Ends it for good and removes what it left. */
  stop(): Promise<void>;
  /** RabbitMQ's administration command, where the server is local or in a container; resolves to its output. */
  ctl?(...args: string[]): Promise<string>;
}

export type ServerKind =
  "redis" | "sentinel" | "rabbitmq" | "sqs" | "zookeeper" | "postgresql" | "mariadb" | "cassandra";
export type Provider = "env" | "containers" | "local";

export interface ServerOptions {
  /** Redis: keep data over a restart (append-only file). RabbitMQ always keeps durable messages. Default false. */
  readonly persistent?: boolean;
}

/** This provider has no such server here. The message says what is missing and how to get it. */
export class ServerMissing extends Error {}
