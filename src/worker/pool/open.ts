import { NotSupported } from "../../errors.js";
import type { ResolvedOptions } from "../options.js";
import type { RunHost } from "../run/run-task.js";
import { AsyncPool } from "./async.js";
import type { Pool } from "./pool.js";

/** The pool that the options ask for. */
export async function openPool(options: ResolvedOptions, host: Omit<RunHost, "storeState">): Promise<Pool> {
  if (options.pool === "async") return new AsyncPool(host);
  throw new NotSupported("the threads pool is being built");
}
