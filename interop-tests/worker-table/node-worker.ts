import { Worker } from "../../src/worker/index.js";
import type { WorkerOptions } from "../../src/worker/index.js";
import { app } from "./node-app.js";

/** A worker of ours in a process of its own. */
const worker = new Worker(app, {
  ...(JSON.parse(process.argv[2] ?? "{}") as WorkerOptions),
  module: new URL("./node-app.ts", import.meta.url),
  handleSignals: true,
});
await worker.run();
await app.close();
