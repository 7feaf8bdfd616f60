import { randomBytes } from "node:crypto";
import { startChild } from "../servers/children.js";
import { appFolder, pythonEnvironment } from "./environment.js";
import type { PythonTarget } from "./environment.js";
import { ensureVenv } from "./venvs.mjs";

export interface PythonWorkerOptions extends PythonTarget {
  /** Default: Celery's own, `celery`. */
  readonly queues?: readonly string[];
  /** Default solo: the fastest to start. */
  readonly pool?: "solo" | "threads" | "prefork";
  readonly concurrency?: number;
  /** Take part in gossip and mingle with other workers. Default false: it starts a second sooner. */
  readonly neighbours?: boolean;
  /** Further command line arguments. */
  readonly args?: readonly string[];
}

/** A real Celery worker in a process of its own. */
export interface PythonWorker {
  readonly hostname: string;
  readonly pid: number;
  /** What it logged so far (level INFO). */
  readonly log: string;
  readonly running: boolean;
  /** Waits until the log matches. */
  logged(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>;
  /** Warm shutdown, as an operator would do it; the whole process group is gone afterwards. */
  stop(): Promise<void>;
  /** Ends it at once, with whatever it was doing. */
  kill(): Promise<void>;
  /** Its own death, for tests that expect one. */
  readonly ended: Promise<unknown>;
}

/** Resolves when the worker says that it is ready; the log is part of the error when it does not. */
export async function startPythonWorker(options: PythonWorkerOptions): Promise<PythonWorker> {
  const python = await ensureVenv(options.version);
  const hostname = `py-${randomBytes(3).toString("hex")}@interop`;
  const args = ["-m", "celery", "-A", "tasks", "worker", "-l", "INFO", "-n", hostname];
  args.push("-P", options.pool ?? "solo", "-c", String(options.concurrency ?? 1));
  args.push("-Q", (options.queues ?? ["celery"]).join(","));
  if (!options.neighbours) args.push("--without-gossip", "--without-mingle");
  args.push(...(options.args ?? []));
  const child = startChild(python, args, { cwd: appFolder, env: pythonEnvironment(options) });
  await child.ready(40, `a Celery ${options.version} worker to be ready`);
  return {
    hostname,
    pid: child.process.pid ?? 0,
    get log() {
      return child.output;
    },
    get running() {
      return child.running;
    },
    logged: (pattern, seconds = 20) => child.until(pattern, seconds),
    stop: async () => {
      if (!(await child.end("SIGTERM", 20))) throw new Error(`the Python worker did not stop:\n${child.output}`);
    },
    kill: () => child.kill(),
    ended: child.ended,
  };
}
