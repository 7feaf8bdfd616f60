import { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import type { WorkerOptions } from "../../src/worker/index.js";
import { defineTasks } from "./tasks.js";

/** A worker of ours in a process of its own, so that tests can end it as machines end: `worker.ts` starts it. */
const { app: appOptions, worker: workerOptions } = JSON.parse(process.argv[2] ?? "{}") as {
  app: CeleryOptions;
  worker: WorkerOptions;
};
const log =
  (level: string) =>
  (message: string, fields: object = {}): void =>
    console.log(level, message, fields);
const app = new Celery({
  ...appOptions,
  logger: { debug: () => undefined, info: log("info"), warn: log("warn"), error: log("error") },
});
defineTasks(app);
const worker = new Worker(app, { ...workerOptions, handleSignals: true });
try {
  await worker.run();
  console.log("run resolved");
} catch (error) {
  console.log("run rejected:", error instanceof Error ? `${error.name}: ${error.message}` : error);
  process.exitCode = 3;
}
await app.close();
// Nothing else: the process ends by itself, or the test that waits for it fails.
