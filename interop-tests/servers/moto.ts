import { fileURLToPath } from "node:url";
import { ensureNamedVenv } from "../python/venvs.mjs";
import { startChild } from "./children.js";
import type { Child } from "./children.js";
import { freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server } from "./server.js";

const requirements = fileURLToPath(new URL("moto/requirements.txt", import.meta.url));

/**
 * A private moto on a free port, for what ElasticMQ has not: SQS, STS and IAM of one account, in memory. It believes every key until a request to
 * `/moto-api/reset-auth` (with a number as its body) makes it ask for rights after so many requests.
 */
export async function startLocalMoto(): Promise<Server> {
  const python = await ensureNamedVenv("moto", "moto", requirements).catch((error: unknown) => {
    throw new ServerMissing(error instanceof Error ? error.message : String(error));
  });
  const port = await freePort();
  let child: Child;
  const start = async (): Promise<void> => {
    child = startChild(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)]);
    await child.until(/Running on http/, 60);
  };
  await start();
  return {
    kind: "sqs",
    provider: "local",
    owned: true,
    url: `http://127.0.0.1:${port}`,
    kill: () => child.kill(),
    restart: async () => {
      await child.kill();
      await start();
    },
    stop: () => child.kill(),
  };
}
