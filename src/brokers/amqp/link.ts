import type { Channel, ChannelModel, ConfirmChannel, Options } from "amqplib";
import { type CeleryError, ImproperlyConfigured, OperationalError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { after } from "../../util/time.js";
import { Blockage } from "./blockage.js";
import type { Endpoint } from "./endpoint.js";
import { connectError, serverText } from "./errors.js";
import { readHeaderFrames } from "./read-frames.js";
import { loadTls } from "./tls.js";

/** What is used of the amqplib package. */
export interface AmqpLib {
  connect(url: Options.Connect, socketOptions: Record<string, unknown>): Promise<ChannelModel>;
  readonly credentials: {
    plain(username: string, password: string): unknown;
    amqplain(username: string, password: string): unknown;
    external(): unknown;
  };
}

export interface LinkSettings {
  readonly logger: Logger;
  readonly frameMax: number | undefined;
  readonly channelMax: number | undefined;
  readonly clientProperties: Readonly<Record<string, unknown>>;
  /** Seconds that a server may block the connection; 0 for no limit. */
  readonly blockedTimeout: number;
  /** What the connection is for, shown by the server's management pages. */
  readonly purpose: string;
}

/** One open AMQP connection: knows why it ended, and never lets amqplib emit an unheard error. */
export class Link {
  /** Why the connection is of no use any more; undefined while it is open. */
  lost: CeleryError | undefined;
  /** Whether the server takes messages. */
  readonly blockage: Blockage;
  readonly #listeners = new Set<(error: CeleryError) => void>();
  #cause: unknown;
  #closing = false;

  constructor(
    readonly model: ChannelModel,
    readonly endpoint: Endpoint,
    private readonly abort: AbortController,
    private readonly logger: Logger,
    blockedTimeout: number,
  ) {
    this.blockage = new Blockage(endpoint.display, blockedTimeout, logger);
    if (!readHeaderFrames(model.connection))
      logger.warn(
        "this version of amqplib cannot be taught Python's 64-bit integers: a message with one in its headers breaks the connection",
        { broker: endpoint.display },
      );
    model.on("error", (error) => (this.#cause ??= error));
    model.on("close", (error?: Error) => this.#ended(this.#cause ?? error));
    model.on("blocked", (reason) => this.blockage.begin(reason));
    model.on("unblocked", () => this.blockage.end());
  }

  /** Major and minor version of the server, [0, 0] when it does not say. */
  get serverVersion(): readonly [number, number] {
    const version = /^(\d+)\.(\d+)/.exec(String(this.model.connection.serverProperties.version));
    return [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)];
  }

  /** Runs once, when the connection is lost (also by `close`); at once when it already is. Returns its own undoing. */
  onLost(listener: (error: CeleryError) => void): () => void {
    if (this.lost) listener(this.lost);
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  channel(): Promise<Channel> {
    return this.#open(() => this.model.createChannel());
  }

  confirmChannel(): Promise<ConfirmChannel> {
    return this.#open(() => this.model.createConfirmChannel());
  }

  async #open<C extends Channel>(create: () => Promise<C>): Promise<C> {
    if (this.lost) throw this.lost;
    const channel = await create().catch((cause: unknown) => {
      throw (
        this.lost ?? new OperationalError(`no channel on ${this.endpoint.display}: ${serverText(cause)}`, { cause })
      );
    });
    // A channel that the server closes emits "error"; whoever uses the channel sees the failure of its own calls.
    channel.on("error", () => undefined);
    return channel;
  }

  /** Says good-bye to the server; a server that does not answer within so many seconds is left without. */
  async close(seconds: number): Promise<void> {
    if (this.lost) return;
    this.#closing = true;
    const ended = new Promise<void>((resolve) => this.onLost(() => resolve()));
    const timer = after(seconds * 1000, () => {
      this.abort.abort();
      this.#ended(new Error("the server did not answer the closing of the connection"));
    });
    try {
      await Promise.race([this.model.close().catch(() => undefined), ended]);
    } finally {
      timer.cancel();
      this.#ended(undefined);
      // Both sides have said good-bye: the socket need not wait for the server to close its half.
      this.abort.abort();
    }
  }

  #ended(cause: unknown): void {
    if (this.lost) return;
    const { display } = this.endpoint;
    this.lost = this.#closing
      ? new OperationalError(`the connection to ${display} is closed`, { cause, retriable: false })
      : new OperationalError(`the connection to ${display} was lost: ${serverText(cause ?? "closed by the server")}`, {
          cause,
        });
    this.blockage.clear();
    // Whom it concerns is told: senders by their errors, consumers warn.
    if (!this.#closing) this.logger.info(this.lost.message);
    // amqplib only half-closes its socket; a peer that is gone would keep the process waiting for its half.
    after(1000, () => this.abort.abort(), { unref: true });
    for (const listener of this.#listeners) listener(this.lost);
    this.#listeners.clear();
  }
}

/** Connects to one address. `signal` gives up, also during the handshake. */
export async function openLink(
  lib: AmqpLib,
  endpoint: Endpoint,
  settings: LinkSettings,
  signal: AbortSignal,
): Promise<Link> {
  const abort = new AbortController();
  const stop = (): void => abort.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = after(endpoint.connectionTimeout * 1000, () =>
    abort.abort(new OperationalError(`no answer from ${endpoint.display} within ${endpoint.connectionTimeout} s`)),
  );
  try {
    if (signal.aborted) throw signal.reason;
    const tls = endpoint.tls && (await loadTls(endpoint.tls));
    const model = await lib.connect(address(endpoint, settings), {
      noDelay: true,
      keepAlive: true,
      ...(tls ?? {}),
      signal: abort.signal,
      credentials: login(lib, endpoint),
      clientProperties: { ...settings.clientProperties, connection_name: settings.purpose },
    });
    return new Link(model, endpoint, abort, settings.logger, settings.blockedTimeout);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (abort.signal.aborted) throw abort.signal.reason;
    throw connectError(error, endpoint.display, endpoint.username, endpoint.vhost);
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", stop);
  }
}

function address(endpoint: Endpoint, settings: LinkSettings): Options.Connect {
  return {
    protocol: endpoint.tls ? "amqps" : "amqp",
    hostname: endpoint.hostname,
    port: endpoint.port,
    // amqplib decodes it once more.
    vhost: encodeURIComponent(endpoint.vhost),
    heartbeat: endpoint.heartbeat,
    ...(settings.frameMax === undefined ? {} : { frameMax: settings.frameMax }),
    ...(settings.channelMax === undefined ? {} : { channelMax: settings.channelMax }),
  };
}

function login(lib: AmqpLib, { loginMethod, username, password }: Endpoint): unknown {
  switch (loginMethod) {
    case "PLAIN":
      return lib.credentials.plain(username, password);
    case "AMQPLAIN":
      return lib.credentials.amqplain(username, password);
    case "EXTERNAL":
      return lib.credentials.external();
  }
}

/** amqplib from `options.lib` (the module, or its default export) or from the package; checked for what is used of it. */
export function asAmqpLib(module: unknown): AmqpLib {
  for (const one of [module, (module as { default?: unknown } | null | undefined)?.default]) {
    const lib = one as Partial<AmqpLib> | null | undefined;
    if (typeof lib?.connect === "function" && typeof lib.credentials?.plain === "function") return lib as AmqpLib;
  }
  throw new ImproperlyConfigured(`the option "lib" of an AMQP broker must be the package amqplib (2.x)`);
}
