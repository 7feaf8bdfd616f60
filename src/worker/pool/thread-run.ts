import { MessageChannel, type MessagePort, type TransferListItem, receiveMessageOnPort } from "node:worker_threads";
import { type CeleryError, WorkerLostError } from "../../errors.js";
import type { Request } from "../request.js";
import type { Outcome } from "../run/outcome.js";
import { packReason } from "./pack-error.js";
import { packMessage } from "./pack-message.js";
import { type PackedOutcome, unpackOutcome } from "./pack-outcome.js";
import { unpackValue } from "./pack-value.js";
import type { Job, Lost, Run } from "./pool.js";
import type { FromThread, RunJob, ToThread } from "./thread-messages.js";

/** What a run needs of its pool. */
export interface ThreadRunHost {
  readonly resultSerializer: string;
  /** Has a thread do the job; rejects when the thread died of it. Aborting the signal ends that thread. */
  post(job: RunJob, transfer: readonly TransferListItem[], signal: AbortSignal): Promise<PackedOutcome>;
  /** Whether the pool has been stopped: what is lost then is not a loss. */
  isStopped(): boolean;
}

/** Threads that may die before the handler is called, of what is not this task's fault. */
const MOST_ATTEMPTS = 3;

/** One task in a thread, as the worker sees it. */
export class ThreadRun implements Run {
  readonly outcome: Promise<Outcome | Lost>;
  readonly #request: Request;
  readonly #job: Job;
  readonly #host: ThreadRunHost;
  readonly #killer = new AbortController();
  #port: MessagePort | undefined;
  #reason: CeleryError | undefined;
  #accepted = false;
  /** Said before the thread ended itself. */
  #last: PackedOutcome | undefined;

  constructor(request: Request, job: Job, host: ThreadRunHost) {
    this.#request = request;
    this.#job = job;
    this.#host = host;
    this.outcome = this.#run();
  }

  abort(reason: CeleryError): void {
    this.#reason ??= reason;
    this.#tellReason();
  }

  kill(reason: CeleryError): void {
    this.#killer.abort(reason);
  }

  async #run(): Promise<Outcome | Lost> {
    for (let attempt = 1; ; attempt++) {
      const { packed, death } = await this.#attempt();
      if (packed) return this.#read(packed);
      if (this.#killer.signal.aborted || this.#host.isStopped()) return new Promise<never>(() => undefined);
      if (this.#accepted || attempt >= MOST_ATTEMPTS) return { kind: "lost", error: lost(this.#request.id, death) };
    }
  }

  async #attempt(): Promise<{ readonly packed?: PackedOutcome | undefined; readonly death?: unknown }> {
    const { delivery, storesResult, task } = this.#request;
    const { port1, port2 } = new MessageChannel();
    const wanted = storesResult || (task.callbacks?.length ?? 0) > 0 || (task.chain?.length ?? 0) > 0;
    this.#port = port1;
    port1.on("message", (message: FromThread) => this.#take(message));
    this.#tellReason();
    try {
      const message = packMessage(delivery.message);
      const job: RunJob = { kind: "run", message, deliveryInfo: delivery.info, wanted, port: port2 };
      const packed = await this.#host.post(job, [port2, message.body.buffer], this.#killer.signal);
      this.#drain(port1);
      return { packed };
    } catch (death) {
      this.#drain(port1);
      return { packed: this.#last, death };
    } finally {
      this.#port = undefined;
      port1.close();
    }
  }

  /** What was said before the end is heard before it: nothing orders the messages of two ports. */
  #drain(port: MessagePort): void {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      this.#take(next.message as FromThread);
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case "accepted":
        if (!this.#accepted) this.#job.accepted();
        this.#accepted = true;
        break;
      case "child":
        this.#request.addChild(message.node);
        break;
      case "state":
        void this.#store(message);
        break;
      case "outcome":
        this.#last = message.outcome;
        break;
    }
  }

  async #store({ number, state, meta }: FromThread & { readonly kind: "state" }): Promise<void> {
    const port = this.#port;
    let answer: ToThread = { kind: "stored", number, error: null };
    try {
      await this.#job.storeState(state, unpackValue(meta, this.#host.resultSerializer));
    } catch (error) {
      answer = { ...answer, error: packReason(error) };
    }
    port?.postMessage(answer);
  }

  #tellReason(): void {
    if (!this.#reason) return;
    const message: ToThread = { kind: "abort", reason: packReason(this.#reason) };
    this.#port?.postMessage(message);
  }

  #read(packed: PackedOutcome): Outcome {
    try {
      return unpackOutcome(packed, this.#host.resultSerializer);
    } catch (error) {
      return { kind: "failure", error, expected: false };
    }
  }
}

/** The exit code of a thread that ended itself, or null for one that died of an error, from what piscina says of it. */
export function exitCode(death: unknown): number | null {
  const [, code] = /^worker exited with code: (-?\d+)$/.exec(death instanceof Error ? death.message : "") ?? [];
  return code === undefined ? null : Number(code);
}

/** As billiard says it; a thread that died of an error that nobody caught has exit code 1. */
function lost(taskId: string, death: unknown): WorkerLostError {
  const code = exitCode(death);
  const message = `Worker exited prematurely: exitcode ${code ?? 1}.`;
  const info = { type: "WorkerLostError", module: "billiard.exceptions", args: [message], taskId };
  return new WorkerLostError(message, info, code === null ? { cause: death } : {});
}
