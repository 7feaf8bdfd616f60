import { access, constants, readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { ServerMissing } from "./server.js";

/**
 * The first of the given programs that exists: absolute paths as they are, where a `*` stands for one folder (the
 * newest version counts), names along PATH and the sbin folders.
 */
export async function findProgram(...candidates: string[]): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/sbin"];
  for (const candidate of candidates)
    for (const path of candidate.startsWith("/")
      ? await versionsOf(candidate)
      : folders.map((folder) => join(folder, candidate)))
      if (await runnable(path)) return path;
  return undefined;
}

async function versionsOf(path: string): Promise<string[]> {
  const [before, after] = path.split("/*");
  if (before === undefined || after === undefined) return [path];
  const versions = await readdir(before).catch(() => []);
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => `${before}/${version}${after}`);
}

const runnable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * A port that nobody listens on. It lies below the range that systems give to outgoing connections: a client that
 * keeps trying to reach a killed server could otherwise be given that very port, and connect to itself.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await canListen(port)) return port;
  }
  throw new ServerMissing("no free port was found between 10000 and 32000 on 127.0.0.1");
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
