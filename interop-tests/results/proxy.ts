import { createServer, connect } from "node:net";
import type { Socket, Server, AddressInfo } from "node:net";

/** A TCP proxy in front of a server, which can hurt the connections that run through it. */
export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #cut = false;
  #silent = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server);
    server.on("connection", (client: Socket) => proxy.#relay(client, connect(target)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections through it now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Present connections stay open and carry nothing any more, as after a cable was pulled; new ones work. */
  freeze(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.removeAllListeners("data").pause();
  }

  /** As `freeze`, and connections to come carry nothing either: the server accepts and never says a word. */
  silence(): void {
    this.#silent = true;
    this.freeze();
  }

  /** Resets present connections, and refuses new ones until `mend`. */
  cut(): void {
    this.#cut = true;
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  mend(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #relay(client: Socket, server: Socket): void {
    if (this.#cut) {
      client.resetAndDestroy();
      server.destroy();
      return;
    }
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      if (!this.#silent) from.on("data", (chunk: Buffer) => to.write(chunk));
      from.on("error", () => undefined);
      from.on("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
