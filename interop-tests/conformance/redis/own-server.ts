import { removeFolder, startChild, temporaryFolder } from "../../servers/children.js";
import { findProgram, freePort } from "../../servers/local.js";
import { ServerMissing } from "../../servers/server.js";

export interface OwnServer {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
}

/** A redis-server with settings of its own (as on its command line), for what a usual one never is. */
export async function startOwnServer(...settings: string[]): Promise<OwnServer> {
  const program = await findProgram("redis-server", "valkey-server");
  if (!program) throw new ServerMissing("redis-server is not installed (Debian, Ubuntu: apt install redis-server)");
  const folder = temporaryFolder("redis-own");
  const port = await freePort();
  const where = settings.includes("--tls-cert-file")
    ? ["--port", "0", "--tls-port", String(port)]
    : ["--port", String(port)];
  const args = [...where, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...settings];
  const child = startChild(program, args);
  await child.until(/ready to accept connections/i, 20);
  return {
    port,
    folder,
    stop: async () => {
      await child.end("SIGTERM", 10);
      removeFolder(folder);
    },
  };
}
