import type { MessagePort } from "node:worker_threads";
import type { ResultNode } from "../../protocol/result.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import type { CeleryError } from "../../errors.js";
import { type PackedReason, unpackReason } from "./pack-error.js";
import { packValue } from "./pack-value.js";
import type { PackedOutcome } from "./pack-outcome.js";
import type { FromThread, ToThread } from "./thread-messages.js";

/** The thread's end of the port that goes with one task. */
export class ThreadLink {
  readonly #port: MessagePort;
  readonly #serializer: string;
  readonly #stores = new Map<number, Deferred<void>>();
  readonly #onAbort: (reason: CeleryError) => void;
  #count = 0;

  constructor(port: MessagePort, serializer: string, onAbort: (reason: CeleryError) => void) {
    this.#port = port;
    this.#serializer = serializer;
    this.#onAbort = onAbort;
    port.on("message", (message: ToThread) => this.#take(message));
  }

  accepted(): void {
    this.#post({ kind: "accepted" });
  }

  child(node: ResultNode): void {
    this.#post({ kind: "child", node });
  }

  /** Resolves when it is stored. */
  async state(state: string, meta: unknown): Promise<void> {
    const number = this.#count++;
    const stored = deferred();
    // Before anything is awaited: the handler may report and return.
    this.#post({ kind: "state", number, state, meta: packValue(meta, this.#serializer) });
    this.#stores.set(number, stored);
    await stored.promise;
  }

  outcome(outcome: PackedOutcome): void {
    this.#post({ kind: "outcome", outcome });
  }

  close(): void {
    this.#port.close();
  }

  #post(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #take(message: ToThread): void {
    if (message.kind === "abort") return this.#onAbort(unpackReason(message.reason));
    const stored = this.#stores.get(message.number);
    this.#stores.delete(message.number);
    settle(stored, message.error);
  }
}

function settle(stored: Deferred<void> | undefined, error: PackedReason | null): void {
  if (error === null) stored?.resolve();
  else stored?.reject(unpackReason(error));
}
