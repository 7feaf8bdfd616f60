import { Celery } from "celeriac";
import { publishAll, task } from "./measure.js";

const app = new Celery({ broker: task.url, taskDefaultQueue: task.queue });
const noop = app.task<(x: number, y: number) => null>("bench.noop", { ignoreResult: true });

// The long run empties the queue as it goes: it is the sender's memory that is measured.
const EVERY = 50_000;
const broker = await app.broker();
const empty = async (sent: number): Promise<void> => {
  if (sent % EVERY === 0) await broker.purge(task.queue);
};
await publishAll(() => noop.delay(1, 2), task.count > 200_000 ? empty : undefined);
await app.close();
