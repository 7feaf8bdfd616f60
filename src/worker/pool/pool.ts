import type { CeleryError, WorkerLostError } from "../../errors.js";
import type { Request } from "../request.js";
import type { Outcome } from "../run/outcome.js";

/** What runs handlers: on the event loop, or in threads. */
export interface Pool {
  readonly name: string;
  /** Resolves when it can run tasks; rejects when it never will. */
  start(): Promise<void>;
  /** Begins a run. Never throws: what goes wrong is the run's outcome. */
  run(request: Request, job: Job): Run;
  /** Stops everything. Runs under way are lost. */
  stop(): Promise<void>;
}

/** What a pool tells of a run, and asks for it. */
export interface Job {
  /** The handler is about to be called: its time limits count from here, and an early acknowledgement goes out. */
  readonly accepted: () => void;
  /** Stores a state that the task reports. */
  readonly storeState: (state: string, meta: unknown) => Promise<void>;
}

export interface Run {
  /** How the handler ended, or that it was lost with its thread. Never rejects; need not resolve after `kill`. */
  readonly outcome: Promise<Outcome | Lost>;
  /** Tells the handler to stop, through its signal. */
  abort(reason: CeleryError): void;
  /** Stops it for good, where that can be done; elsewhere it is only told. Nobody looks at its outcome any more. */
  kill(reason: CeleryError): void;
}

export interface Lost {
  readonly kind: "lost";
  readonly error: WorkerLostError;
}
