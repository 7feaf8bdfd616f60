import { abortable } from "../util/abort.js";
import type { Logger } from "../util/logger.js";
import type { AsyncResult, GetOptions, ResultPromise } from "./types.js";
import { waitLimit } from "./wait-limit.js";

/**
 * The promise of a handle, with `get` on it. A publish that failed while nobody was waiting is reported as a process
 * warning (and logged), instead of ending the process or going unseen; whoever waits later still gets the rejection.
 */
export class SentTask<R> extends Promise<AsyncResult<R>> implements ResultPromise<R> {
  /** What `then` makes are plain promises: they have no id. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly id: string;
  #awaited = false;

  constructor(id: string, sent: Promise<AsyncResult<R>>, logger: Logger) {
    super((resolve, reject) => {
      sent.then(resolve, reject);
    });
    this.id = id;
    super.then(undefined, (error: unknown) => {
      if (this.#awaited) return;
      logger.error("a task was not sent and nothing awaited it", { taskId: id, error });
      const text = error instanceof Error ? error.message : String(error);
      process.emitWarning(`task ${id} was not sent and nothing awaited it: ${text}`, "CeleriacUnsentTask");
    });
  }

  override then<A = AsyncResult<R>, B = never>(
    onFulfilled?: ((value: AsyncResult<R>) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#awaited = true;
    return super.then(onFulfilled, onRejected);
  }

  async get(options: GetOptions = {}): Promise<R> {
    if (!options.timeout && !options.signal) return (await this).get(options);
    // One limit for both waits: for the broker to take the message, and for the result.
    const limit = waitLimit(this.id, options);
    try {
      const sent = await abortable<AsyncResult<R>>(this, limit.signal);
      return await sent.get({ ...options, timeout: 0, ...(limit.signal && { signal: limit.signal }) });
    } finally {
      limit.end();
    }
  }
}
