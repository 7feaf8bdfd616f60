import { fileURLToPath } from "node:url";
import type { CeleryOptions } from "../../src/index.js";
import type { WorkerOptions } from "../../src/worker/index.js";
import { startChild } from "../servers/children.js";
import type { Child } from "../servers/children.js";

const script = fileURLToPath(new URL("worker-process.ts", import.meta.url));

/** Starts our worker with the tasks of these tests in a process of its own; resolves once it consumes. */
export function startNodeWorker(app: CeleryOptions, worker: WorkerOptions = {}): Promise<Child> {
  return startChild(process.execPath, ["--import", "tsx", script, JSON.stringify({ app, worker })]).ready(30);
}
