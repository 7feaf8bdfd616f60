import type { Router } from "../client/router.js";
import type { Publisher } from "../client/publisher.js";
import { WorkerLostError } from "../errors.js";
import { isoTime } from "../protocol/iso-time.js";
import { toQueue } from "../protocol/queue.js";
import { countedMessage, deadMessage, redeliveryCount } from "../protocol/redelivery.js";
import { now } from "../util/time.js";
import type { Dead } from "./execution.js";
import type { Request } from "./request.js";

export interface RedeliveriesHost {
  readonly publisher: Publisher;
  readonly router: Router;
  /** `workerMaxRedeliveries`; null for no limit: nothing of this happens then. */
  readonly most: number | null;
  /** `workerDeadLetterQueue`; null rejects the message. */
  readonly deadLetterQueue: string | null;
}

/**
 * Counts how often a message came back because the worker that had started it died. Brokers only say that it came back,
 * so the number travels in a header: just before a message that came back would be started, it is sent again with a
 * number higher by one, then acknowledged. Its copy is new to whoever takes it, and starts without more ado.
 */
export class Redeliveries {
  readonly #host: RedeliveriesHost;

  constructor(host: RedeliveriesHost) {
    this.#host = host;
  }

  /** Whether this applies to a request at all: one that acknowledges early never comes back once it was started. */
  concerns(request: Request): boolean {
    return this.#host.most !== null && request.acksLate;
  }

  /** Whether it came back as often as it may. */
  isTooMany(request: Request): boolean {
    return this.#host.most !== null && redeliveryCount(request.delivery.message) >= this.#host.most;
  }

  /** Sends it again with its new number. At least once: the message itself goes when its copy is there. */
  async count(request: Request): Promise<void> {
    await this.#sendAgain(request, redeliveryCount(request.delivery.message) + 1);
  }

  /** Gives back several, in the order in which they came. */
  async giveBackAll(requests: readonly Request[]): Promise<void> {
    const again = requests.filter((request) => this.#isSentAgain(request));
    const released = requests.filter((request) => !this.#isSentAgain(request));
    await Promise.all([...released, ...again].map((request) => this.giveBack(request)));
  }

  /**
   * Gives back what was taken and is nobody's fault. A broker would mark it as what a dead worker leaves behind, so it is
   * sent again as it came. One that had come back already keeps its mark: it was not started since.
   */
  async giveBack(request: Request): Promise<void> {
    const { message } = request.delivery;
    const sentAgain = this.#isSentAgain(request);
    request.acknowledged = true;
    if (!sentAgain) return request.delivery.release();
    try {
      // This start, which the number includes, did not take place or was no death.
      await this.#sendAgain(request, Math.max(0, redeliveryCount(message) - 1));
    } catch {
      await request.delivery.release();
    }
  }

  /** Takes it out. Resolves to how the task ends. */
  async bury(request: Request): Promise<Dead> {
    const { message, queue } = request.delivery;
    const { publisher, router, deadLetterQueue } = this.#host;
    const count = redeliveryCount(message) + 1;
    const text = `the message of ${request.name}[${request.id}] came back ${count} times: each time the worker that ran it was lost`;
    const info = { type: "WorkerLostError", module: "billiard.exceptions", args: [text], taskId: request.id };
    const error = new WorkerLostError(text, info);
    if (deadLetterQueue === null) return { kind: "dead", error, settlement: "reject" };
    const death = { reason: "redelivered", count, time: isoTime(now()), queue };
    await publisher.send(deadMessage(message, death), router.destination({ queue: deadLetterQueue }));
    return { kind: "dead", error, settlement: "ack" };
  }

  #isSentAgain(request: Request): boolean {
    return this.concerns(request) && !request.delivery.info.redelivered;
  }

  /** To the queue that it was taken from and no other that the same exchange may lead to. */
  async #sendAgain(request: Request, count: number): Promise<void> {
    const { message, queue } = request.delivery;
    await this.#host.publisher.send(countedMessage(message, count), { destination: toQueue(queue), declare: [] });
    request.acknowledged = true;
    await request.delivery.ack();
  }
}
