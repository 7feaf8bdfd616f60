import type { SendMessageCommandInput } from "@aws-sdk/client-sqs";
import { OperationalError, PublishError } from "../../errors.js";
import { deferred } from "../../util/deferred.js";
import type { Deferred } from "../../util/deferred.js";
import { BATCH } from "./client.js";
import { isBadMessage } from "./failure.js";
import { causeOf } from "./queues.js";
import type { QueueAddress } from "./queues.js";

/** Requests under way for one queue. While all are, further messages gather. A FIFO queue gets one after the other. */
const AT_ONCE = 8;

/** A message on its way, with the bytes that SQS counts. */
export interface Sending {
  readonly request: SendMessageCommandInput;
  readonly size: number;
}

interface Waiting extends Sending {
  readonly sent: Deferred<void>;
}

interface Lane {
  waiting: Waiting[];
  scheduled: boolean;
  running: number;
}

/**
 * Sends messages, up to ten by one request as long as they fit together: what comes in one turn of the event loop
 * travels together, and what comes while all requests are under way waits for one to end. A message alone goes by
 * SendMessage, as kombu's do.
 */
export class Sender {
  readonly #limit: number;
  readonly #lanes = new Map<QueueAddress, Lane>();

  /** @param limit bytes that all messages of one request may have together */
  constructor(limit: number) {
    this.#limit = limit;
  }

  send(address: QueueAddress, sending: Sending): Promise<void> {
    let lane = this.#lanes.get(address);
    if (!lane) this.#lanes.set(address, (lane = { waiting: [], scheduled: false, running: 0 }));
    const sent = deferred();
    lane.waiting.push({ ...sending, sent });
    this.#schedule(address, lane);
    return sent.promise;
  }

  #schedule(address: QueueAddress, lane: Lane): void {
    if (lane.scheduled) return;
    lane.scheduled = true;
    setImmediate(() => {
      lane.scheduled = false;
      this.#flush(address, lane);
    });
  }

  #flush(address: QueueAddress, lane: Lane): void {
    while (lane.waiting.length > 0 && lane.running < (address.fifo ? 1 : AT_ONCE)) {
      const batch = this.#next(lane);
      lane.running++;
      void this.#send(address, batch).finally(() => {
        lane.running--;
        this.#flush(address, lane);
      });
    }
    if (lane.waiting.length === 0 && lane.running === 0) this.#lanes.delete(address);
  }

  #next(lane: Lane): readonly Waiting[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(BATCH, lane.waiting.length); count++) {
      bytes += lane.waiting[count]?.size ?? 0;
      if (count > 0 && bytes > this.#limit) break;
    }
    return lane.waiting.splice(0, count);
  }

  async #send(address: QueueAddress, batch: readonly Waiting[]): Promise<void> {
    const { client, url, name } = address;
    const [first] = batch;
    try {
      if (batch.length === 1 && first) await client.send(first.request, name);
      else {
        const failed = await client.sendBatch(
          url,
          name,
          batch.map(({ request }) => request),
        );
        for (const { index, code, message, ourFault } of failed) {
          const what = `a message for queue ${name} at ${client.displayUrl} was refused (${code}): ${message}`;
          batch[index]?.sent.reject(ourFault ? new PublishError(what) : new OperationalError(what));
        }
      }
      // Those that have failed do not mind.
      for (const { sent } of batch) sent.resolve();
    } catch (error) {
      const bad = isBadMessage(causeOf(error));
      // SQS does not always say which one it was: the others must not suffer for it.
      if (bad && batch.length > 1) for (const one of batch) await this.#send(address, [one]);
      else for (const { sent } of batch) sent.reject(bad ? asPublishError(error) : error);
    }
  }
}

const asPublishError = (error: unknown): PublishError =>
  new PublishError(error instanceof Error ? error.message : String(error), { cause: causeOf(error) });
