/** A worker that runs until it is ended. */
import { Celery } from "celeriac";
import { Worker } from "celeriac/worker";

const { broker, backend, queue, concurrency } = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const app = new Celery({ broker: broker!, backend: backend!, taskDefaultQueue: queue! });
app.task("bench.noop", () => null);
await new Worker(app, { concurrency: Number(concurrency), handleSignals: true }).run();
await app.close();
