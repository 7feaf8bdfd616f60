import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import { CeleryError, ImproperlyConfigured } from "../../errors.js";
import { deferred } from "../../util/deferred.js";
import { type Timer, after } from "../../util/time.js";
import type { Request } from "../request.js";
import type { RunHost } from "../run/run-task.js";
import { AsyncPool } from "./async.js";
import { unpackError } from "./pack-error.js";
import type { PackedOutcome } from "./pack-outcome.js";
import type { Job, Pool, Run } from "./pool.js";
import type { Loaded, ThreadData, ThreadJob } from "./thread-messages.js";
import { ThreadRun, type ThreadRunHost, exitCode } from "./thread-run.js";

export interface ThreadsOptions {
  /** Threads, each of which runs one task at a time. */
  readonly size: number;
  readonly data: Omit<ThreadData, "kind" | "loads">;
  /** Names of the tasks that each thread must have. */
  readonly tasks: readonly string[];
  /** For tasks that run beside the worker whatever its pool. */
  readonly here: Omit<RunHost, "storeState">;
}

/** Seconds that a module may take to load. */
const LOAD_LIMIT = 60;
/** Milliseconds until threads are looked after that died while they started. */
const REFILL_AFTER = 1000;

const ENTRY = new URL(`./thread-entry${/\.[^.]+$/.exec(import.meta.url)?.[0] ?? ".js"}`, import.meta.url);

/**
 * Runs handlers in threads, one task in each at a time: what computes for long keeps nobody waiting, and a thread that
 * has to be stopped is ended whatever its code does. Each thread loads the application's module for itself.
 */
export class ThreadsPool implements Pool {
  readonly name = "threads";
  readonly #options: ThreadsOptions;
  readonly #host: ThreadRunHost;
  readonly #here: AsyncPool;
  readonly #loads = new Int32Array(new SharedArrayBuffer(4));
  /** Threads that have not ended, also those that were told to. */
  readonly #alive = new Set<Worker>();
  #piscina: Piscina<ThreadJob, unknown> | undefined;
  #refill: Timer | undefined;
  #stopped = false;

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.#here = new AsyncPool(options.here);
    this.#host = {
      resultSerializer: options.data.resultSerializer,
      post: (job, transferList, signal) => this.#post(job, { transferList: [...transferList], signal }),
      isStopped: () => this.#stopped,
    };
  }

  /** Throws `ImproperlyConfigured` when the module cannot be loaded, exports no application, or lacks tasks. */
  async start(): Promise<void> {
    const { size } = this.#options;
    this.#mayLoad();
    this.#piscina = this.#open();
    const tooLong = deferred<never>();
    const timer = after(LOAD_LIMIT * 1000, () => tooLong.reject(this.#problem(`not loaded after ${LOAD_LIMIT} s`)));
    try {
      await Promise.race([tooLong.promise, Promise.all(Array.from({ length: size }, () => this.#load()))]);
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      timer.cancel();
    }
  }

  run(request: Request, job: Job): Run {
    if (request.definition.onEventLoop) return this.#here.run(request, job);
    const accepted = (): void => {
      this.#mayLoad();
      job.accepted();
    };
    return new ThreadRun(request, { ...job, accepted }, this.#host);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#refill?.cancel();
    const piscina = this.#piscina;
    if (!piscina) return;
    // A thread that was ended before counts as lost when its end is seen, and would be replaced.
    piscina.options.minThreads = 0;
    const ends = [...this.#alive].map((thread) => new Promise((resolve) => thread.once("exit", resolve)));
    await piscina.destroy();
    await Promise.all(ends);
  }

  #open(): Piscina<ThreadJob, unknown> {
    const { size, data, here } = this.#options;
    const workerData: ThreadData = { ...data, kind: "celeriac-pool-thread", loads: this.#loads };
    const piscina = new Piscina<ThreadJob, unknown>({
      filename: fileURLToPath(ENTRY),
      workerData,
      minThreads: size,
      maxThreads: size,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      // Handlers that wait for something need their event loop.
      atomics: "disabled",
      recordTiming: false,
    });
    // Not while a task ran: that one is told otherwise.
    piscina.on("error", (error: unknown) =>
      here.logger.warn("an idle thread of the pool died and is replaced", { error }),
    );
    piscina.on("workerCreate", () => this.#watch());
    piscina.on("workerDestroy", () => this.#refillSoon());
    this.#watch(piscina);
    return piscina;
  }

  async #post(job: ThreadJob, options: Parameters<Piscina<ThreadJob, unknown>["run"]>[1]): Promise<PackedOutcome> {
    // Piscina would begin anew.
    if (this.#stopped) throw new CeleryError("the threads pool has been stopped");
    return (await this.#piscina!.run(job, options)) as PackedOutcome;
  }

  /** Has one thread load the module. */
  async #load(): Promise<void> {
    const loaded = await this.#piscina!.run({ kind: "load" }).then(
      (answer) => answer as Loaded,
      (error: unknown) => Promise.reject(this.#problem(messageOf(error), error)),
    );
    if ("problem" in loaded) {
      const error = unpackError(loaded.problem);
      throw this.#problem(`${error.type}: ${error.message}`, error);
    }
    const missing = this.#options.tasks.filter((name) => !loaded.tasks.includes(name));
    if (missing.length > 0)
      throw this.#problem(
        `it does not define ${some(missing)}: all tasks of the worker's application have to be there`,
      );
  }

  #problem(what: string, cause?: unknown): ImproperlyConfigured {
    const { module } = this.#options.data;
    return new ImproperlyConfigured(`the threads pool cannot use ${module}: ${what}`, { cause });
  }

  /** As many threads as there are may load the module in advance. */
  #mayLoad(): void {
    Atomics.store(this.#loads, 0, this.#options.size);
  }

  #watch(piscina = this.#piscina): void {
    for (const thread of piscina?.threads ?? []) {
      if (this.#alive.has(thread)) continue;
      this.#alive.add(thread);
      thread.once("exit", () => this.#alive.delete(thread));
    }
  }

  /** Piscina gives up on threads once one has died while it started. Here that may pass: memory was short, perhaps. */
  #refillSoon(): void {
    if (this.#stopped) return;
    this.#refill?.cancel();
    this.#refill = after(
      REFILL_AFTER,
      () => {
        const missing = this.#options.size - this.#piscina!.threads.length;
        if (!this.#stopped && missing > 0) this.#load().catch((error: unknown) => this.#onRefillFailed(error));
      },
      { unref: true },
    );
  }

  #onRefillFailed(error: unknown): void {
    if (!this.#stopped) this.#options.here.logger.error("a thread of the pool could not be replaced", { error });
  }
}

/** What ended a thread while it loaded the module. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = exitCode(error);
  return code === null ? message : `a thread ended with exit code ${code} while it loaded it`;
}

const some = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
