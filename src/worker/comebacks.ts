import { Fifo } from "../util/fifo.js";
import type { Logger } from "../util/logger.js";
import { redeliveryCount } from "../protocol/redelivery.js";
import { type Timer, after, sleep } from "../util/time.js";
import type { Dead } from "./execution.js";
import type { Redeliveries } from "./redeliveries.js";
import type { Request } from "./request.js";
import type { Successes } from "./successes.js";

/** Milliseconds after which the next one is tried although the last one was not seen to end. */
const NEXT_AFTER = 1000;
/** Milliseconds in which an acknowledgement is certainly gone. */
const ACKNOWLEDGED_AFTER = 100;

export interface ComebacksHost {
  readonly successes: Successes;
  readonly redeliveries: Redeliveries;
  readonly logger: Logger;
  /** It may run. */
  readonly ready: (request: Request) => void;
  /** It must not run again: it has succeeded. */
  readonly done: (request: Request) => Promise<void>;
  /** It must not run again: it ends like this. */
  readonly dead: (request: Request, ending: Dead) => Promise<void>;
  /** A message that shall come back to somebody. */
  readonly requeue: (request: Request) => Promise<void>;
  readonly track: (work: Promise<void>) => void;
}

/**
 * Requests whose message was with a worker before: those that have succeeded meanwhile are not run again, and those that
 * came back too often are taken out. Where neither is wanted all pass at once.
 */
export class Comebacks {
  readonly #host: ComebacksHost;
  /** What is being looked at, or waits for its turn. */
  readonly #held = new Set<Request>();
  /** Messages that are to be counted. One at a time: a worker that dies of one shall have few others in hand. */
  readonly #suspects = new Fifo<Request>();
  /** The one whose copy is on its way. */
  #tried: string | undefined;
  /**
   * Until its old message is gone, by id what came under that id meanwhile: a copy that kills this worker before would
   * leave both.
   */
  readonly #counting = new Map<string, Request[]>();
  #timer: Timer | undefined;
  /** Which connection, so to speak: what was in hand before `clear` is void or given back. */
  #round = 0;

  constructor(host: ComebacksHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Those that are held here. */
  [Symbol.iterator](): Iterator<Request> {
    return this.#held.values();
  }

  /** Hands the request on, now or later, or ends it. */
  pass(request: Request): void {
    const { successes, redeliveries, ready, track } = this.#host;
    const { redelivered } = request.delivery.info;
    const copies = this.#counting.get(request.id);
    if (copies && !redelivered) {
      this.#held.add(request);
      copies.push(request);
      return;
    }
    // A copy that was counted is new to the broker, but the task is not.
    const isOld = redelivered || redeliveryCount(request.delivery.message) > 0;
    const looked = isOld && successes.concerns(request);
    const counted = redelivered && redeliveries.concerns(request);
    if (!looked && !counted) return ready(request);
    this.#held.add(request);
    if (looked) track(this.#look(request, counted));
    else this.#suspect(request);
  }

  /** Takes all out that have not been decided on. */
  clear(): Request[] {
    this.#round++;
    const requests = [...this.#held];
    this.#held.clear();
    this.#suspects.clear();
    this.#next();
    return requests;
  }

  /** A task ended here. */
  ended(request: Request): void {
    if (request.id === this.#tried) this.#next();
  }

  async #look(request: Request, counted: boolean): Promise<void> {
    const { successes, ready, done, requeue, logger } = this.#host;
    let succeeded: boolean;
    try {
      succeeded = await successes.has(request);
    } catch (error) {
      const fields = { taskId: request.id, task: request.name, error };
      logger.error("what follows a task that has succeeded before could not be sent", fields);
      if (this.#held.delete(request)) await requeue(request);
      return;
    }
    // Given back meanwhile, or void with its connection.
    if (!this.#held.has(request)) return;
    if (!succeeded && counted) return this.#suspect(request);
    this.#held.delete(request);
    if (succeeded) await done(request);
    else ready(request);
  }

  #suspect(request: Request): void {
    if (this.#host.redeliveries.isTooMany(request)) {
      this.#held.delete(request);
      return this.#host.track(this.#bury(request));
    }
    this.#suspects.push(request);
    if (this.#tried === undefined) this.#next();
  }

  #next(): void {
    this.#timer?.cancel();
    const request = this.#suspects.shift();
    this.#tried = request?.id;
    if (!request) return;
    this.#held.delete(request);
    this.#timer = after(NEXT_AFTER, () => this.#next());
    this.#host.track(this.#count(request));
  }

  async #count(request: Request): Promise<void> {
    const { redeliveries, ready, logger } = this.#host;
    const round = this.#round;
    const copies: Request[] = [];
    this.#counting.set(request.id, copies);
    try {
      await redeliveries.count(request);
      await sleep(ACKNOWLEDGED_AFTER);
    } catch (error) {
      // Rather not counted than not run.
      logger.warn("a message that came back could not be counted", { taskId: request.id, task: request.name, error });
      // Unless its message is void with its connection: then it comes again.
      if (round === this.#round) ready(request);
    } finally {
      if (this.#counting.get(request.id) === copies) this.#counting.delete(request.id);
      // Not those that were given back meanwhile.
      for (const copy of copies) if (this.#held.delete(copy)) this.pass(copy);
    }
  }

  async #bury(request: Request): Promise<void> {
    const { redeliveries, dead, logger } = this.#host;
    let ending: Dead;
    try {
      ending = await redeliveries.bury(request);
    } catch (error) {
      // It stays where it is, in this worker's hands, until the worker ends: nobody runs it, and it is not lost.
      logger.error("a message that came back too often could not be sent to the dead letters", {
        ...{ taskId: request.id, task: request.name, error },
      });
      return;
    }
    await dead(request, ending);
  }
}
