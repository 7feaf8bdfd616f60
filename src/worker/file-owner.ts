import { createHash } from "node:crypto";
import { lstat, rm } from "node:fs/promises";
import { type Server, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImproperlyConfigured } from "../errors.js";

/** What a socket's path may have on every system, in bytes. */
const LONGEST_PATH = 100;

/**
 * Sees to it that one worker of this machine uses a file at a time: it listens on a socket beside the file. However a
 * process ends, the system stops listening for it, so nothing is left that would have to be cleared away by hand.
 */
export class FileOwner {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws `ImproperlyConfigured` when another worker has the file. */
  static async take(path: string): Promise<FileOwner> {
    for (const place of socketPaths(path)) {
      let server = await listen(place);
      if (server === "exists") server = (await isAlive(place)) ? "exists" : await retake(place);
      if (server === "exists")
        throw new ImproperlyConfigured(
          `the state file ${path} is used by another worker that runs now; give each its own, such as workerStateDb: "/var/lib/app/%n.state" (%n is the name of the node)`,
        );
      if (server) return new FileOwner(server);
    }
    throw new ImproperlyConfigured(
      `nothing can be made beside the state file ${path}; workerStateDb needs a file in a folder that exists and can be written to`,
    );
  }

  release(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Beside the file, else among the temporary files. */
function socketPaths(path: string): string[] {
  const name = `celeriac-${createHash("sha256").update(path).digest("hex").slice(0, 20)}`;
  if (process.platform === "win32") return [`\\\\.\\pipe\\${name}`];
  const beside = `${path}.lock`;
  return [...(Buffer.byteLength(beside) <= LONGEST_PATH ? [beside] : []), join(tmpdir(), `${name}.lock`)];
}

/** The socket, "exists" when there is one already, null when none can be made there (a file system without sockets). */
function listen(path: string): Promise<Server | "exists" | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE" ? "exists" : null));
    server.listen(path, () => {
      server.removeAllListeners("error").on("error", () => undefined);
      server.unref();
      resolve(server);
    });
  });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Takes the place of a worker that died. What is no socket is somebody else's. */
async function retake(path: string): Promise<Server | "exists" | null> {
  const found = await lstat(path).catch(() => null);
  if (found && !found.isSocket()) return null;
  await rm(path, { force: true });
  return listen(path);
}
