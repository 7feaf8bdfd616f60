import { setTimeout as pause } from "node:timers/promises";
import { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";
import { defineTasks } from "./tasks.js";

/** Makes the application of the threads of a worker; its options come in the environment. */
export const app = new Celery(JSON.parse(process.env.THREAD_APP ?? '{ "broker": "memory://" }') as CeleryOptions);
defineTasks(app);
defineThreadTasks(app);

/** For threads only: they would end a process. */
export function defineThreadTasks(into: Celery): void {
  const add = into.task("threads.add", (x: number, y: number) => x + y);
  into.task("threads.busy", () => {
    for (;;);
  });
  into.task("threads.die", { acksLate: true }, (code: number) => process.exit(code));
  into.task("threads.die_once", { bind: true, acksLate: true, rejectOnWorkerLost: true }, (self) =>
    self.request.deliveryInfo.redelivered ? "survived" : process.exit(9),
  );
  into.task("threads.soft", { bind: true }, (self) => pause(60_000, undefined, { signal: self.signal }));
  into.task("threads.parent", async () => (await add.delay(20, 22)).id);
}

/** Where a worker finds this module, after its threads have been told what to make. */
export function threadModule(options: CeleryOptions): URL {
  process.env.THREAD_APP = JSON.stringify(options);
  return new URL(import.meta.url);
}
