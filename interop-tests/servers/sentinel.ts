import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server, ServerOptions } from "./server.js";

/** The name under which the Sentinels of tests know their master. */
export const MASTER_NAME = "celeriac";

export interface SentinelOptions extends ServerOptions {
  /** Default 1: no failover is possible with fewer than two servers. */
  readonly servers?: number;
  readonly sentinels?: number;
  /** Password of the servers, and another one of the Sentinels. Default none. */
  readonly password?: string;
  readonly sentinelPassword?: string;
}

/** A master with its replicas, watched by Sentinels. */
export class SentinelGroup {
  readonly #options: SentinelOptions;
  readonly #program: string;
  readonly #folder = temporaryFolder("sentinel");
  readonly #servers = new Map<number, Child>();
  readonly #sentinels = new Map<number, Child>();
  readonly #serverPorts: readonly number[];
  readonly #sentinelPorts: readonly number[];

  private constructor(program: string, options: SentinelOptions, ports: readonly number[]) {
    this.#program = program;
    this.#options = options;
    const count = options.servers ?? 1;
    this.#serverPorts = ports.slice(0, count);
    this.#sentinelPorts = ports.slice(count);
  }

  static async start(options: SentinelOptions = {}): Promise<SentinelGroup> {
    const program = await findProgram("redis-server", "valkey-server");
    if (!program) throw new ServerMissing("redis-server is not installed (Debian, Ubuntu: apt install redis-server)");
    const ports = new Set<number>();
    while (ports.size < (options.servers ?? 1) + (options.sentinels ?? 1)) ports.add(await freePort());
    const group = new SentinelGroup(program, options, [...ports]);
    try {
      await group.startServers();
      for (const port of group.#sentinelPorts) await group.#startSentinel(port);
      await group.#agreed();
    } catch (error) {
      await group.stop();
      throw error;
    }
    return group;
  }

  /** Without a database and without a login. */
  get url(): string {
    return this.#sentinelPorts.map((port) => `sentinel://127.0.0.1:${port}`).join(";");
  }

  /** The port of the master, as the first Sentinel that answers sees it. */
  async master(): Promise<number> {
    const [, port] = (await this.#ask("get-master-addr-by-name", MASTER_NAME)) as [string, string];
    return Number(port);
  }

  /** A plain connection to one of the servers. */
  connection(port: number, db = 0): Redis {
    const { password } = this.#options;
    return new Redis({ port, db, ...(password && { password }) });
  }

  /**
   * Ends the master abruptly, with nothing that its replica does not have yet: Redis itself would lose that. Resolves
   * when the Sentinels have made another one.
   */
  async failOver(): Promise<void> {
    const old = await this.master();
    await this.#replicated(old);
    await this.#servers.get(old)?.kill();
    await this.#changed(old);
  }

  /** Stops the master's process without ending it: its connections stay open and silent. */
  async freeze(): Promise<{ thaw(): void }> {
    const old = await this.master();
    await this.#replicated(old);
    const child = this.#servers.get(old);
    child?.process.kill("SIGSTOP");
    await this.#changed(old);
    return { thaw: () => void child?.process.kill("SIGCONT") };
  }

  async killServers(): Promise<void> {
    await Promise.all(Array.from(this.#servers.values(), (child) => child.kill()));
  }

  /** Starts what does not run; the Sentinels tell who is whose replica once they are there. */
  async startServers(): Promise<void> {
    const [first] = this.#serverPorts;
    for (const port of this.#serverPorts)
      if (!this.#servers.get(port)?.running)
        await this.#startServer(port, this.#sentinels.size === 0 && port !== first ? first : undefined);
  }

  async killSentinel(): Promise<void> {
    const [port] = this.#sentinelPorts;
    await this.#sentinels.get(port ?? 0)?.kill();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sentinels.values(), ...this.#servers.values()].map((child) => child.kill()));
    removeFolder(this.#folder);
  }

  async #startServer(port: number, replicaOf: number | undefined): Promise<void> {
    const { password, persistent } = this.#options;
    const args = [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", this.#folder, "--dbfilename", `${port}.rdb`],
      ...["--save", "", "--appendonly", persistent ? "yes" : "no", "--appenddirname", `aof-${port}`],
      ...["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--databases", "64"],
      ...(password ? ["--requirepass", password, "--masterauth", password] : []),
      ...(replicaOf === undefined ? [] : ["--replicaof", "127.0.0.1", String(replicaOf)]),
    ];
    const child = startChild(this.#program, args);
    this.#servers.set(port, child);
    await child.until(/ready to accept connections/i, 20);
  }

  async #startSentinel(port: number): Promise<void> {
    const { password, sentinelPassword } = this.#options;
    const file = join(this.#folder, `sentinel-${port}.conf`);
    const [master] = this.#serverPorts;
    const quorum = Math.floor(this.#sentinelPorts.length / 2) + 1;
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${this.#folder}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master} ${quorum}`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 1500`,
      `sentinel failover-timeout ${MASTER_NAME} 5000`,
      ...(password ? [`sentinel auth-pass ${MASTER_NAME} ${password}`] : []),
      ...(sentinelPassword ? [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`] : []),
    ];
    writeFileSync(file, `${lines.join("\n")}\n`);
    const child = startChild(this.#program, [file, "--sentinel"]);
    this.#sentinels.set(port, child);
    await child.until(/\+monitor/, 20);
  }

  /** All know the master, the replicas and each other. */
  async #agreed(): Promise<void> {
    const { servers = 1, sentinels = 1 } = this.#options;
    const holds = async (port: number): Promise<boolean> => {
      const flat = (await this.#askAt(port, "master", MASTER_NAME)) as string[];
      const value = (name: string): string | undefined => flat[flat.indexOf(name) + 1];
      return (
        value("flags") === "master" &&
        Number(value("num-slaves")) === servers - 1 &&
        Number(value("num-other-sentinels")) === sentinels - 1
      );
    };
    await eventually("the Sentinels to agree", async () =>
      (await Promise.all(this.#sentinelPorts.map((port) => holds(port)))).every(Boolean),
    );
  }

  async #replicated(master: number): Promise<void> {
    const replicas = (this.#options.servers ?? 1) - 1;
    await eventually("the replicas to have everything", async () => {
      const connection = this.connection(master);
      try {
        await connection.set("celeriac-replicated", "");
        return (await connection.wait(replicas, 1000)) === replicas;
      } finally {
        connection.disconnect();
      }
    });
  }

  async #changed(old: number): Promise<void> {
    await eventually("a new master", async () => {
      const port = await this.master();
      if (port === old) return false;
      const connection = this.connection(port);
      try {
        const [role] = (await connection.call("ROLE")) as [string];
        return role === "master";
      } finally {
        connection.disconnect();
      }
    });
  }

  async #ask(...args: string[]): Promise<unknown> {
    const alive = this.#sentinelPorts.find((port) => this.#sentinels.get(port)?.running);
    return this.#askAt(alive ?? 0, ...args);
  }

  async #askAt(port: number, ...args: string[]): Promise<unknown> {
    const { sentinelPassword } = this.#options;
    const connection = new Redis({
      port,
      enableReadyCheck: false,
      ...(sentinelPassword && { password: sentinelPassword }),
    });
    try {
      return await connection.call("SENTINEL", ...args);
    } finally {
      connection.disconnect();
    }
  }
}

/** Where the master of a `sentinel://` URL without passwords is. */
export async function masterAddress(url: string): Promise<{ readonly host: string; readonly port: number }> {
  const [, host = "", sentinel] = /^sentinel:\/\/([^:/;]+):(\d+)/.exec(url) ?? [];
  const connection = new Redis({ host, port: Number(sentinel), enableReadyCheck: false });
  try {
    const found = (await connection.call("SENTINEL", "get-master-addr-by-name", MASTER_NAME)) as [string, string];
    return { host: found[0], port: Number(found[1]) };
  } finally {
    connection.disconnect();
  }
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`30 s passed while waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One server behind one Sentinel, for the suites that every driver runs. */
export async function startLocalSentinel(options: ServerOptions = {}): Promise<Server> {
  const group = await SentinelGroup.start(options);
  return {
    kind: "sentinel",
    provider: "local",
    owned: true,
    url: group.url,
    kill: () => group.killServers(),
    restart: async () => {
      await group.killServers();
      await group.startServers();
    },
    stop: () => group.stop(),
  };
}
