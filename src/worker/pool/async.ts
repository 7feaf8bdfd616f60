import type { CeleryError } from "../../errors.js";
import type { Request } from "../request.js";
import type { Outcome } from "../run/outcome.js";
import { type RunHost, runTask } from "../run/run-task.js";
import { Stop } from "../run/stop.js";
import type { Job, Pool, Run } from "./pool.js";

/** Runs handlers on the event loop. They share it: what computes for long belongs into threads. */
export class AsyncPool implements Pool {
  readonly name = "async";
  readonly #host: Omit<RunHost, "storeState">;

  constructor(host: Omit<RunHost, "storeState">) {
    this.#host = host;
  }

  async start(): Promise<void> {}

  run(request: Request, job: Job): Run {
    job.accepted();
    const { hostname, logger, signals } = this.#host;
    return new AsyncRun(request, { hostname, logger, signals, storeState: job.storeState });
  }

  async stop(): Promise<void> {}
}

class AsyncRun implements Run {
  readonly outcome: Promise<Outcome>;
  readonly #stop = new Stop();

  constructor(request: Request, host: RunHost) {
    this.outcome = runTask(request.definition, request, this.#stop, host);
  }

  abort(reason: CeleryError): void {
    this.#stop.abort(reason);
  }

  /** Code of this process cannot be stopped from within it. */
  kill(reason: CeleryError): void {
    this.#stop.abort(reason);
  }
}
