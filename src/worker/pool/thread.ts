import { setImmediate } from "node:timers/promises";
import type { Celery } from "../../client/app.js";
import { ImproperlyConfigured } from "../../errors.js";
import { decodeTask } from "../../protocol/task-message.js";
import { TaskTable } from "../builtins/table.js";
import { runTask } from "../run/run-task.js";
import { Stop } from "../run/stop.js";
import { importApp } from "./app-module.js";
import { refusedWorker, threadData } from "./in-thread.js";
import { packError } from "./pack-error.js";
import { unpackMessage } from "./pack-message.js";
import { type PackedOutcome, failure, packOutcome } from "./pack-outcome.js";
import { Recycling } from "./recycling.js";
import { ThreadLink } from "./thread-link.js";
import type { Loaded, RunJob, ThreadData, ThreadJob } from "./thread-messages.js";

/** What runs in each thread of a pool, beside the application that its module makes. */
const data = threadData() as ThreadData;
const accept = new Set(data.accept);
const recycling = new Recycling(data);
let application: Promise<Celery> | undefined;

/** The application, imported once. */
const loaded = (): Promise<Celery> => (application ??= load());

async function load(): Promise<Celery> {
  const app = await importApp(data.module, data.export);
  // A worker that was started and not waited for has been refused by now.
  await setImmediate();
  const refused = refusedWorker();
  if (refused) throw refused;
  if (data.prepare) {
    const { prepare } = (await import(data.prepare.module)) as { prepare: (app: Celery, data: unknown) => void };
    prepare(app, data.prepare.data);
  }
  return app;
}

// Before the first task comes, unless threads go on dying of it.
if (Atomics.sub(data.loads, 0, 1) > 0) loaded().catch(() => undefined);

export async function handle(job: ThreadJob): Promise<Loaded | PackedOutcome> {
  return job.kind === "load" ? names() : run(job);
}

async function names(): Promise<Loaded> {
  try {
    return { tasks: [...(await loaded()).tasks.keys()] };
  } catch (error) {
    return { problem: packError(error) };
  }
}

async function run(job: RunJob): Promise<PackedOutcome> {
  const app = await loaded().catch(die);
  const stop = new Stop();
  const link = new ThreadLink(job.port, data.resultSerializer, (reason) => stop.abort(reason));
  const outcome = await execute(app, job, stop, link).catch(failure);
  if (recycling.isDue()) {
    link.outcome(outcome);
    await recycling.end();
  }
  link.close();
  return outcome;
}

async function execute(app: Celery, job: RunJob, stop: Stop, link: ThreadLink): Promise<PackedOutcome> {
  const { deliveryInfo, wanted } = job;
  const task = decodeTask(unpackMessage(job.message), { accept });
  const definition = new TaskTable(app.tasks).find(task.task);
  if (!definition) throw new ImproperlyConfigured(`${data.module} defines no task ${task.task}`);
  const { id, rootId } = task;
  const addChild = (node: Parameters<ThreadLink["child"]>[0]): void => link.child(node);
  const request = { task, deliveryInfo, id, rootId, priority: deliveryInfo.priority, addChild };
  let ended = false;
  const storeState = async (state: string, meta: unknown): Promise<void> => {
    if (!ended) return link.state(state, meta);
    app.logger.warn("a state reported after the end of a task was dropped", { taskId: id, state });
  };
  link.accepted();
  const { hostname } = data;
  const { logger, signals } = app;
  const outcome = await runTask(definition, request, stop, { hostname, logger, signals, storeState });
  ended = true;
  return packOutcome(outcome, wanted, data.resultSerializer);
}

/** What cannot be loaded here may be loaded elsewhere: the thread ends with the error, and the task is none the wiser. */
function die(error: unknown): Promise<never> {
  queueMicrotask(() => {
    throw error;
  });
  return new Promise<never>(() => undefined);
}
