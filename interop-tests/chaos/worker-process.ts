import { Redis } from "ioredis";
import { Celery } from "../../src/index.js";
import type { CeleryOptions, TaskContext } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import type { WorkerOptions } from "../../src/worker/index.js";

/** Our half of the workers that get killed: the same task as in chaos_app.py. */
const { app: appOptions, worker: workerOptions } = JSON.parse(process.argv[2] ?? "{}") as {
  app: CeleryOptions;
  worker: WorkerOptions;
};
const ledger = new Redis(process.env.CHAOS_LEDGER ?? "");
const prefix = process.env.CHAOS_PREFIX ?? "";
const log = (message: string, fields: object = {}): void => console.log(message, fields);
const app = new Celery({
  ...appOptions,
  logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
});
app.task("chaos.work", { bind: true, ignoreResult: true }, async (self: TaskContext, milliseconds: number) => {
  if (milliseconds > 1000) console.log("chaos.work begins");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const redelivered = self.request.deliveryInfo.redelivered ? 1 : 0;
  await ledger
    .multi()
    .hincrby(`${prefix}:done`, self.id, 1)
    .rpush(`${prefix}:runs`, `${self.id} node ${process.pid} ${redelivered}`)
    .exec();
});
app.task("chaos.poison", () => process.kill(process.pid, "SIGKILL"));
const worker = new Worker(app, { ...workerOptions, handleSignals: true });
const running = worker.run();
const ready = setInterval(() => {
  if (worker.state !== "running") return;
  console.log("chaos worker ready.");
  clearInterval(ready);
}, 5);
await running;
clearInterval(ready);
await app.close();
ledger.disconnect();
console.log("chaos worker done.");
