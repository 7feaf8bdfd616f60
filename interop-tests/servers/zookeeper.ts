import { access } from "node:fs/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server } from "./server.js";

/** Debian's package: the server with the libraries it needs, and a place for its log lines to go (standard error). */
const classPath = ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-simple.jar"];

/** A private ZooKeeper on a free port: one server, whose nodes survive its death in its own folder. */
export async function startLocalZookeeper(): Promise<Server> {
  const java = await findProgram("java");
  const missing = new ServerMissing("ZooKeeper is not installed (Debian, Ubuntu: apt install zookeeper)");
  if (!java) throw missing;
  for (const path of classPath)
    await access(path).catch(() => {
      throw missing;
    });
  const folder = temporaryFolder("zookeeper");
  const port = await freePort();
  const config = join(folder, "zoo.cfg");
  const settings = {
    // A tick bounds how late an expired session is found; sessions may be as short as two of them.
    tickTime: 500,
    maxSessionTimeout: 60_000,
    dataDir: join(folder, "data"),
    clientPort: port,
    clientPortAddress: "127.0.0.1",
    maxClientCnxns: 0,
    // Its web server would take port 8080.
    "admin.enableServer": false,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(config, lines.join(""));
  const args = [
    ...["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
    // What was answered is in the system's cache, which outlives the process: enough for tests, and no disk waits.
    ...["-Dzookeeper.forceSync=no", "-Dzookeeper.preAllocSize=1024"],
    ...["-cp", classPath.join(":"), "org.apache.zookeeper.server.ZooKeeperServerMain", config],
  ];
  let child: Child;
  const start = async (): Promise<void> => {
    child = startChild(java, args, { cwd: folder });
    // Printed after the server has begun to serve; its port is open, and closes every connection, long before.
    await child.until(/Using checkIntervalMs/, 60);
  };
  await start();
  return {
    kind: "zookeeper",
    provider: "local",
    owned: true,
    url: `zookeeper://127.0.0.1:${port}`,
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
