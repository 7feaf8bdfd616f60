import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server } from "./server.js";

/** Debian's own program insists on the system's account and folders; the one below it takes everything from outside. */
const candidates = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"];

/** A private RabbitMQ node: own name, ports, folders, cookie and port mapper, so that many can run side by side. */
export async function startLocalRabbitmq(): Promise<Server> {
  const program = await findProgram(...candidates);
  if (!program)
    throw new ServerMissing("rabbitmq-server is not installed (Debian, Ubuntu: apt install rabbitmq-server)");
  const epmd = await findProgram("epmd", "/usr/lib/erlang/bin/epmd");
  const folder = temporaryFolder("rabbitmq");
  const [port, distribution, mapper] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(join(folder, "rabbitmq.conf"), "loopback_users.guest = false\nheartbeat = 60\n");
  writeFileSync(join(folder, "plugins"), "[].\n");
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
