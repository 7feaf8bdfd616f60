import { trapSignals } from "../../worker/signals.js";
import type { Worker } from "../../worker/worker.js";
import { EXIT } from "../exit-codes.js";

export interface ShutdownOptions {
  /** Tells the operator, on the terminal. */
  readonly say: (line: string) => void;
  /** Seconds after which a warm shutdown becomes cold. */
  readonly timeout: number | undefined;
  /** SIGTERM is cold, as SIGQUIT is (`REMAP_SIGTERM=SIGQUIT`). */
  readonly remapSigterm: boolean;
}

/** The lines operators look for, and the exit code: those of Celery (celery/apps/worker.py), as it is observed. */
export class ShutdownBySignals {
  readonly #asked = new AbortController();
  readonly #release: () => void;
  #exitCode: number = EXIT.OK;
  #hard = false;

  constructor(worker: Worker, { say, timeout, remapSigterm }: ShutdownOptions) {
    const warm = (signal: NodeJS.Signals): void => {
      if (signal === "SIGINT") say("worker: Ctrl+C once more is a cold shutdown: running tasks are stopped");
      if (signal === "SIGHUP") say("worker: SIGHUP ends this worker: whoever supervises it starts it again");
      say("worker: Warm shutdown (MainProcess)");
      this.#begin(signal);
      worker.shutdown({ how: "warm", ...(timeout !== undefined && { timeout }) }).catch(() => undefined);
    };
    const cold = (signal: NodeJS.Signals, step: number): void => {
      say(COLD[Math.min(step, COLD.length) - 1]!);
      this.#begin(signal);
      if (step >= COLD.length) {
        this.#hard = true;
        this.#exitCode = EXIT.FAILURE;
        // Whatever hangs: this does not.
        setImmediate(() => process.exit(EXIT.FAILURE));
      }
      worker.shutdown({ how: "cold" }).catch(() => undefined);
    };
    const release = trapSignals({ warm, cold }, remapSigterm ? { remapSigterm: "SIGQUIT" } : {});
    const onHangup = (): void => warm("SIGHUP");
    process.on("SIGHUP", onHangup);
    this.#release = () => {
      release();
      process.off("SIGHUP", onHangup);
    };
  }

  /** Aborts with the first signal. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** Nothing is to be waited for. */
  get hard(): boolean {
    return this.#hard;
  }

  /** Of a worker that ended without an error. */
  get exitCode(): number {
    return this.#exitCode;
  }

  release(): void {
    this.#release();
  }

  #begin(signal: NodeJS.Signals): void {
    if (this.#asked.signal.aborted) return;
    this.#asked.abort();
    // Celery ends with 1 after Ctrl+C, and with 0 after SIGTERM and SIGQUIT.
    if (signal === "SIGINT") this.#exitCode = EXIT.FAILURE;
  }
}

/** One line for each step beyond a warm shutdown. */
const COLD = [
  "worker: Cold shutdown (MainProcess)",
  "worker: Cold shutdown: no longer waiting for running tasks (MainProcess)",
  "worker: Hard shutdown (MainProcess)",
];
