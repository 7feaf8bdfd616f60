import type { Command } from "commander";
import { CliError } from "../exit-codes.js";
import { type WorkerArguments, addWorkerOptions } from "./options.js";
import { runWorker } from "./run.js";

/** `celeriac worker`, as `celery worker` (celery/bin/worker.py). */
export function registerWorker(program: Command): void {
  const command = program.command("worker").description("run the tasks of an application").exitOverride();
  addWorkerOptions(command);
  command.action(async () => {
    const exitCode = await runWorker(command.optsWithGlobals<WorkerArguments>());
    if (exitCode !== 0) throw new CliError("", { exitCode });
  });
}
