import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "../../servers/children.js";
import { findProgram, freePort } from "../../servers/local.js";
import { ServerMissing } from "../../servers/server.js";

export interface OwnServer {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
}

/** A redis-server with settings of its own (as on its command line), for what a usual one never is. */
export const startOwnServer = (...settings: string[]): Promise<OwnServer> =>
  start(["--save", "", ...settings], settings.includes("--tls-cert-file"), /ready to accept connections/i);

/** A Sentinel of one master, which it calls `own`; the settings stand in a file, since it writes there what it learns. */
export async function startOwnSentinel(
  masterPort: number,
  password: string,
  ...settings: string[]
): Promise<OwnServer> {
  const folder = temporaryFolder("sentinel-own");
  const file = join(folder, "sentinel.conf");
  writeFileSync(file, `sentinel monitor own 127.0.0.1 ${masterPort} 1\nsentinel auth-pass own ${password}\n`);
  const tls = settings.includes("--tls-cert-file");
  const server = await start([...settings, "--sentinel"], tls, /\+monitor/, file);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      removeFolder(folder);
    },
  };
}

async function start(settings: readonly string[], tls: boolean, ready: RegExp, file?: string): Promise<OwnServer> {
  const program = await findProgram("redis-server", "valkey-server");
  if (!program) throw new ServerMissing("redis-server is not installed (Debian, Ubuntu: apt install redis-server)");
  const folder = temporaryFolder("redis-own");
  const port = await freePort();
  const where = tls ? ["--port", "0", "--tls-port", String(port)] : ["--port", String(port)];
  const child = startChild(program, [
    ...(file ? [file] : []),
    ...where,
    ...["--bind", "127.0.0.1", "--dir", folder],
    ...settings,
  ]);
  await child.until(ready, 20);
  return {
    port,
    folder,
    stop: async () => {
      await child.end("SIGTERM", 10);
      removeFolder(folder);
    },
  };
}
