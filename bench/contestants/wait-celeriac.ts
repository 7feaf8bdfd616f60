/** A worker whose queue holds nothing but tasks for a day far away: how many it takes, and what that costs it. */
import { Celery } from "celeriac";
import { Worker } from "celeriac/worker";
import { report } from "./measure.js";

const { broker, queue, settle } = JSON.parse(process.argv[2] ?? "{}") as {
  broker: string;
  queue: string;
  /** Milliseconds without a new message after which it is full. */
  settle: number;
};
let received = 0;
let last = performance.now();
const app = new Celery({ broker, taskDefaultQueue: queue });
app.task("bench.noop", { ignoreResult: true }, () => null);
app.signals.taskReceived.connect(() => {
  received++;
  last = performance.now();
});
const MIB = 1024 * 1024;
const resident = (): number => Math.round(process.memoryUsage().rss / MIB);
const start = performance.now();
const cpu = process.cpuUsage();
const worker = await new Worker(app, { concurrency: 10 }).start();
const memory = [resident()];
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    memory.push(resident());
    if (received === 0 || performance.now() - last < settle) return;
    clearInterval(timer);
    resolve();
  }, 1000);
});
const used = process.cpuUsage(cpu);
report({
  messages: received,
  seconds: (last - start) / 1000,
  cpuSeconds: (used.user + used.system) / 1e6,
  peakMiB: process.resourceUsage().maxRSS / 1024,
  memory,
});
await worker.shutdown();
await app.close();
