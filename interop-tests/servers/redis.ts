import { join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server, ServerOptions } from "./server.js";

/** A private redis-server on a free port. */
export async function startLocalRedis(options: ServerOptions = {}): Promise<Server> {
  const program = await findProgram("redis-server", "valkey-server");
  if (!program) throw new ServerMissing("redis-server is not installed (Debian, Ubuntu: apt install redis-server)");
  const folder = temporaryFolder("redis");
  const socket = join(folder, "redis.sock");
  const port = await freePort();
  const args = [
    ...["--port", String(port), "--bind", "127.0.0.1", "--unixsocket", socket, "--unixsocketperm", "700"],
    ...["--dir", folder, "--save", "", "--appendonly", options.persistent ? "yes" : "no", "--appendfsync", "always"],
    ...["--databases", "64", "--daemonize", "no"],
  ];
  let child: Child;
  const start = async (): Promise<void> => {
    child = startChild(program, args);
    await child.until(/ready to accept connections/i, 20);
  };
  await start();
  return {
    kind: "redis",
    provider: "local",
    owned: true,
    url: `redis://127.0.0.1:${port}`,
    socket,
    kill: () => child.kill(),
    restart: async () => {
      await child.end("SIGTERM", 10);
      await start();
    },
    stop: async () => {
      await child.end("SIGTERM", 10);
      removeFolder(folder);
    },
  };
}
