import { Celery, type CeleryOptions } from "../../client/app.js";
import { newId } from "../../util/id.js";
import type { WorkerOptions } from "../options.js";
import { Worker } from "../worker.js";

/** An application and a worker over the in-process broker and backend, for the tests of this folder. */
export async function stage(
  define: (app: Celery) => void,
  settings: Partial<CeleryOptions> = {},
  options: WorkerOptions = {},
): Promise<{ app: Celery; logged: readonly [level: string, message: string, fields: unknown][] } & AsyncDisposable> {
  const name = newId();
  const logged: [string, string, unknown][] = [];
  const at =
    (level: string) =>
    (message: string, fields?: object): void =>
      void logged.push([level, message, fields]);
  const app = new Celery({
    broker: `memory://${name}`,
    backend: `memory://${name}`,
    logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    ...settings,
  });
  define(app);
  const worker = await new Worker(app, { concurrency: 4, ...options }).start();
  const end = async (): Promise<void> => {
    await worker.shutdown({ how: "cold" });
    await app.close();
  };
  return { app, logged, [Symbol.asyncDispose]: end };
}

export const soon = { timeout: 10 };
