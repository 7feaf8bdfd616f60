import type { Logger } from "../../util/logger.js";
import { after } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import { BATCH } from "./client.js";
import { isDenied, isGone } from "./failure.js";
import { causeOf } from "./queues.js";
import type { QueueAddress } from "./queues.js";
import type { SqsReceipt } from "./receipt.js";

/** Requests under way for one queue. While all are, further deletions gather. */
const AT_ONCE = 4;
/** Milliseconds before a deletion is tried again that could not be made. */
const RETRY = 1000;

interface Lane {
  readonly address: QueueAddress;
  waiting: SqsReceipt[];
  scheduled: boolean;
  running: number;
  retry: Timer | undefined;
  failing: boolean;
}

/**
 * Deletes messages that are done, up to ten by one request. What comes in one turn of the event loop travels together;
 * the first ones of a busy queue wait for nobody, later ones for a request to end. What could not be deleted because
 * the server failed is tried again: receipts outlive connections.
 */
export class Deletions {
  readonly #logger: Logger;
  readonly #lanes = new Map<QueueAddress, Lane>();
  readonly #sent = new Set<Promise<void>>();
  #abort = new AbortController();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Gives up the requests under way; what they were to delete is tried again. */
  abort(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  add(receipt: SqsReceipt): void {
    const lane = this.#lane(receipt.address);
    lane.waiting.push(receipt);
    if (lane.scheduled || lane.retry) return;
    lane.scheduled = true;
    setImmediate(() => {
      lane.scheduled = false;
      this.#flush(lane);
    });
  }

  /** Resolves when everything is deleted, or was tried once more in vain; tells how many are left. */
  async drained(): Promise<number> {
    for (const lane of this.#lanes.values()) {
      lane.failing = false;
      lane.retry?.cancel();
      lane.retry = undefined;
      this.#flush(lane);
    }
    while (this.#sent.size > 0) await Promise.all(this.#sent);
    let left = 0;
    for (const lane of this.#lanes.values()) {
      lane.retry?.cancel();
      left += lane.waiting.length;
    }
    this.#lanes.clear();
    return left;
  }

  #lane(address: QueueAddress): Lane {
    let lane = this.#lanes.get(address);
    if (!lane) {
      lane = { address, waiting: [], scheduled: false, running: 0, retry: undefined, failing: false };
      this.#lanes.set(address, lane);
    }
    return lane;
  }

  #flush(lane: Lane): void {
    while (lane.waiting.length > 0 && lane.running < AT_ONCE && !lane.failing) {
      const batch = lane.waiting.splice(0, BATCH);
      lane.running++;
      const sent = this.#send(lane, batch).finally(() => {
        lane.running--;
        this.#sent.delete(sent);
        this.#flush(lane);
      });
      this.#sent.add(sent);
    }
  }

  async #send(lane: Lane, batch: readonly SqsReceipt[]): Promise<void> {
    const { url, name, client } = lane.address;
    const handles = batch.map(({ handle }) => handle);
    try {
      const failed = await client.deleteMessages(url, name, handles, this.#abort.signal);
      const again: SqsReceipt[] = [];
      for (const { index, code, message, ourFault } of failed) {
        const receipt = batch[index];
        if (!receipt) continue;
        if (isGone(code)) this.#logger.debug(`a message of queue ${name} was acknowledged too late: ${code}`);
        else if (ourFault)
          this.#logger.error(`a message of queue ${name} could not be deleted and will come again: ${code} ${message}`);
        else again.push(receipt);
      }
      if (again.length > 0) this.#later(lane, again);
    } catch (error) {
      const retriable = typeof error === "object" && error !== null && "retriable" in error && error.retriable === true;
      if (retriable) this.#later(lane, batch);
      else
        this.#logger.error(
          `${batch.length} messages of queue ${name} could not be deleted and will come again` +
            (isDenied(causeOf(error)) ? ": sqs:DeleteMessage has to be allowed" : ""),
          { error },
        );
    }
  }

  #later(lane: Lane, batch: readonly SqsReceipt[]): void {
    lane.waiting = [...batch, ...lane.waiting];
    lane.failing = true;
    lane.retry ??= after(
      RETRY,
      () => {
        lane.retry = undefined;
        lane.failing = false;
        this.#flush(lane);
      },
      { unref: true },
    );
  }
}
