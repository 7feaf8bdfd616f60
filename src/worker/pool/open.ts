import type { AnyTask } from "../../client/types.js";
import { ImproperlyConfigured } from "../../errors.js";
import { acceptedTypes } from "../../protocol/serializers/registry.js";
import type { ResolvedOptions } from "../options.js";
import type { RunHost } from "../run/run-task.js";
import { moduleUrl } from "./app-module.js";
import { AsyncPool } from "./async.js";
import type { Pool } from "./pool.js";

/** What a pool needs of its worker. */
export interface PoolHost extends Omit<RunHost, "storeState"> {
  /** The tasks of the worker's application. */
  readonly tasks: ReadonlyMap<string, AnyTask>;
}

/** The pool that the options ask for. Throws `ImproperlyConfigured` for threads without a module. */
export async function openPool(options: ResolvedOptions, host: PoolHost): Promise<Pool> {
  if (options.pool === "async") return new AsyncPool(host);
  const { config, concurrency, hostname } = options;
  if (options.module === null)
    throw new ImproperlyConfigured(
      "the threads pool needs the module that makes the application, since each thread loads it: " +
        'new Worker(app, { pool: "threads", module: new URL("./app.js", import.meta.url) })',
    );
  const module = moduleUrl(options.module);
  // Nobody else pays for it.
  const { ThreadsPool } = await import("./threads.js");
  return new ThreadsPool({
    size: concurrency,
    tasks: [...host.tasks.keys()],
    here: host,
    data: {
      ...{ module, export: options.export, typescript: typescriptFrom(module), hostname },
      prepare: options.prepareThreads,
      ...{ accept: [...acceptedTypes(config.acceptContent)], resultSerializer: config.resultSerializer },
      ...{ maxTasks: config.workerMaxTasksPerChild, maxMemory: config.workerMaxMemoryPerChild },
    },
  });
}

const TYPESCRIPT = /\.[mc]?ts$/;

/** Where to look for tsx, if this program can have come here only by it. */
function typescriptFrom(module: string): string[] {
  if ("typescript" in process.features && process.features.typescript) return [];
  const loader = process.execArgv.find((one) => /\btsx\b/.test(one));
  if (!loader && !TYPESCRIPT.test(module)) return [];
  const file = /file:.*/.exec(loader ?? "")?.[0];
  return [module, ...(file ? [file] : []), import.meta.url];
}
