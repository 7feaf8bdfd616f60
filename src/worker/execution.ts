import {
  CeleryError,
  SoftTimeLimitExceeded,
  TaskRevokedError,
  TimeLimitExceeded,
  type WorkerLostError,
} from "../errors.js";
import { deferred } from "../util/deferred.js";
import type { Logger } from "../util/logger.js";
import { type Timer, after, now } from "../util/time.js";
import type { Lost, Pool, Run } from "./pool/pool.js";
import type { Request } from "./request.js";
import type { Outcome } from "./run/outcome.js";

/** How a request ended: by its handler, or because somebody stopped it. */
export type Ending =
  | Outcome
  | Lost
  | { readonly kind: "timeout"; readonly error: TimeLimitExceeded }
  /** Revoked while it ran. */
  | { readonly kind: "terminated"; readonly signum: string | number | null }
  /** The worker goes away, or its connection did. `retry`: say so in the result. */
  | { readonly kind: "cancelled"; readonly retry: boolean }
  | Dead;

/** Never run again: its message came back too often. */
export interface Dead {
  readonly kind: "dead";
  readonly error: WorkerLostError;
  readonly settlement: "ack" | "reject";
}

/** What an execution needs of the worker. */
export interface ExecutionHost {
  readonly pool: Pool;
  readonly logger: Logger;
  accepted(request: Request): void;
  storeState(request: Request, state: string, meta: unknown): Promise<void>;
}

/** One request in the pool: its time limits, and the ways to stop it. The first end counts. */
export class Execution {
  readonly request: Request;
  /** Resolves once; never rejects. */
  readonly ending: Promise<Ending>;
  readonly #run: Run;
  readonly #ended = deferred<Ending>();
  #soft: Timer | undefined;
  #hard: Timer | undefined;
  /** Decided before the handler began, for when it does. */
  #over = false;

  constructor(request: Request, host: ExecutionHost) {
    this.request = request;
    this.ending = this.#ended.promise;
    this.#run = host.pool.run(request, {
      accepted: () => this.#accepted(host),
      storeState: (state, meta) => host.storeState(request, state, meta),
    });
    void this.#run.outcome.then((outcome) => this.#end(outcome));
  }

  /** Stops it because it was revoked. */
  terminate(signum: string | number | null): void {
    const { id, name } = this.request;
    const info = { type: "TaskRevokedError", module: "celery.exceptions", args: ["terminated"], taskId: id };
    this.#stop({ kind: "terminated", signum }, new TaskRevokedError(`${name} was terminated`, info));
  }

  /** Stops it because it cannot be run to its end here. */
  cancel(retry: boolean, why: string): void {
    this.#stop({ kind: "cancelled", retry }, new CeleryError(why));
  }

  #accepted(host: ExecutionHost): void {
    const { request } = this;
    if (this.#over) return;
    request.startedAt = now();
    host.accepted(request);
    const { softLimit, hardLimit, name, id } = request;
    if (softLimit !== null)
      this.#soft = after(softLimit * 1000, () => {
        host.logger.warn(`Soft time limit (${softLimit}s) exceeded for ${name}[${id}]`, { taskId: id, task: name });
        this.#run.abort(softTimeLimitExceeded(request));
      });
    if (hardLimit !== null)
      this.#hard = after(hardLimit * 1000, () => {
        host.logger.error(`Hard time limit (${hardLimit}s) exceeded for ${name}[${id}]`, { taskId: id, task: name });
        const error = timeLimitExceeded(request);
        this.#stop({ kind: "timeout", error }, error);
      });
  }

  #stop(ending: Ending, reason: CeleryError): void {
    if (this.#over) return;
    this.#end(ending);
    this.#run.kill(reason);
  }

  #end(ending: Ending): void {
    if (this.#over) return;
    this.#over = true;
    this.request.ended = true;
    this.#soft?.cancel();
    this.#hard?.cancel();
    this.#ended.resolve(ending);
  }
}

function timeLimitExceeded(request: Request): TimeLimitExceeded {
  const { id, name, hardLimit } = request;
  const info = { type: "TimeLimitExceeded", module: "billiard.exceptions", args: [hardLimit], taskId: id };
  return new TimeLimitExceeded(`the time limit of ${hardLimit} s for ${name} passed`, info);
}

function softTimeLimitExceeded({ id, name, softLimit }: Request): SoftTimeLimitExceeded {
  const info = { type: "SoftTimeLimitExceeded", module: "billiard.exceptions", args: [], taskId: id };
  return new SoftTimeLimitExceeded(`the soft time limit of ${softLimit} s for ${name} passed`, info);
}
