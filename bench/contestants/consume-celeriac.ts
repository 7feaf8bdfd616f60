/** A worker that runs until it is ended. */
import { Celery } from "celeriac";
import { Worker } from "celeriac/worker";

const {
  broker,
  backend,
  queue,
  concurrency,
  events = false,
} = JSON.parse(process.argv[2] ?? "{}") as {
  broker: string;
  backend: string;
  queue: string;
  concurrency: number;
  events?: boolean;
};
const app = new Celery({ broker, backend, taskDefaultQueue: queue });
app.task("bench.noop", () => null);
await new Worker(app, { concurrency, taskEvents: events, handleSignals: true }).run();
await app.close();
