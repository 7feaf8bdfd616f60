import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server, ServerOptions } from "./server.js";

/** Debian's own program insists on the system's account and folders; the one below it takes everything from outside. */
const candidates = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"];

export interface RabbitmqOptions extends ServerOptions {
  /** Plugins of its own package to switch on. */
  readonly plugins?: readonly string[];
  /** Further lines of rabbitmq.conf. */
  readonly config?: readonly string[];
  /** Listen with TLS too, with these PEM files; a client without a certificate of this authority is refused. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface LocalRabbitmq extends Server {
  ctl(...args: string[]): Promise<string>;
  /** `127.0.0.1:port` of the TLS listener, if it has one. */
  readonly tlsAddress: string;
}

/** A private RabbitMQ node: own name, ports, folders, cookie and port mapper, so that many can run side by side. */
export async function startLocalRabbitmq(options: RabbitmqOptions = {}): Promise<LocalRabbitmq> {
  const program = await findProgram(...candidates);
  if (!program)
    throw new ServerMissing("rabbitmq-server is not installed (Debian, Ubuntu: apt install rabbitmq-server)");
  const epmd = await findProgram("epmd", "/usr/lib/erlang/bin/epmd");
  const folder = temporaryFolder("rabbitmq");
  const [port, tlsPort] = [await freePort(), await freePort()];
  const [distribution, mapper] = [await freePort(), await freePort()];
  const config = ["loopback_users.guest = false", "heartbeat = 60", ...(options.config ?? [])];
  if (options.tls) config.push(...tlsConfig(tlsPort, options.tls));
  writeFileSync(join(folder, "rabbitmq.conf"), config.map((line) => `${line}\n`).join(""));
  writeFileSync(join(folder, "plugins"), `[${(options.plugins ?? []).join(",")}].\n`);
  const env = {
    ...process.env,
    HOME: folder,
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `celeriac-${randomBytes(4).toString("hex")}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(folder, "db"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONF_ENV_FILE: join(folder, "rabbitmq-env.conf"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq"),
  };
  let names: Child | undefined;
  let child: Child;
  const start = async (): Promise<void> => {
    // Erlang would start its port mapper as a daemon that nobody ends: ours is a child like the others.
    if (epmd && !names?.running)
      names = startChild(epmd, ["-port", String(mapper), "-address", "127.0.0.1"], { env, cwd: folder });
    child = startChild(program, [], { env, cwd: folder });
    await child.until(/Server startup complete|completed with \d+ plugins/, 90);
  };
  await start();
  return {
    kind: "rabbitmq",
    provider: "local",
    owned: true,
    url: `amqp://guest:guest@127.0.0.1:${port}//`,
    tlsAddress: `127.0.0.1:${tlsPort}`,
    kill: () => child.kill(),
    restart: async () => {
      await child.end("SIGTERM", 20);
      await start();
    },
    stop: async () => {
      await child.end("SIGTERM", 20);
      await names?.kill();
      removeFolder(folder);
    },
    ctl: async (...args) => {
      const tool = await findProgram(join(dirname(program), "rabbitmqctl"), "rabbitmqctl");
      if (!tool) throw new ServerMissing("rabbitmqctl is not beside rabbitmq-server");
      const run = startChild(tool, ["-n", env.RABBITMQ_NODENAME, ...args], { env, cwd: folder });
      const { code } = await run.ended;
      if (code !== 0) throw new Error(`rabbitmqctl ${args.join(" ")} failed:\n${run.output}`);
      return run.output;
    },
  };
}

const tlsConfig = (port: number, { ca, cert, key }: NonNullable<RabbitmqOptions["tls"]>): string[] => [
  `listeners.ssl.default = 127.0.0.1:${port}`,
  `ssl_options.cacertfile = ${ca}`,
  `ssl_options.certfile = ${cert}`,
  `ssl_options.keyfile = ${key}`,
  "ssl_options.verify = verify_peer",
  "ssl_options.fail_if_no_peer_cert = true",
];
