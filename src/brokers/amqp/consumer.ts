import { type CeleryError, type DecodeError, OperationalError } from "../../errors.js";
import type { Queue } from "../../protocol/queue.js";
import { abortable } from "../../util/abort.js";
import { AsyncQueue } from "../../util/async-queue.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import type { Logger } from "../../util/logger.js";
import { monotonic, sleep } from "../../util/time.js";
import type { ConsumeOptions, Consumer, Delivery } from "../broker.js";
import { declareDelays, delaysFailed, hasQuorum } from "./delayed.js";
import { operational, replyCode } from "./errors.js";
import type { Link } from "./link.js";
import { needsPerConsumer, Session } from "./session.js";
import type { Topology } from "./topology.js";

export interface ConsumerSettings {
  readonly logger: Logger;
  connection(): Promise<{ link: Link; topology: Topology }>;
  /** Whether it comes back after a lost connection. */
  readonly retry: boolean;
  /** Attempts in a row; null for no limit. */
  readonly maxRetries: number | null;
  readonly delayedQueueType: "classic" | "quorum";
  /** Whether an argument of a queue is enough to count limits per consumer, without asking the server. */
  readonly detectQuorumQueues: boolean;
  /** Milliseconds before the given attempt to come back, counted from 1. */
  delay(attempt: number): number;
  onClosed(consumer: AmqpConsumer): void;
}

/** A session that held for so long was a success: the next loss starts again with an immediate attempt. */
const STABLE_MS = 5000;

/** Keeps a session alive on the queues it is given, and hands out what arrives. */
export class AmqpConsumer implements Consumer {
  readonly #queues = new Map<string, Queue>();
  readonly #out = new AsyncQueue<Delivery>(() => this.close());
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;
  #session: Session | undefined;
  /** Resolves with the next session, for those who want to change it while there is none. */
  #next: Deferred<Session> = silent();
  #prefetch: number;
  #perConsumer = false;
  #closing = false;
  #stopped: Promise<void> | undefined;

  constructor(
    queues: readonly Queue[],
    private readonly options: ConsumeOptions,
    private readonly settings: ConsumerSettings,
  ) {
    for (const queue of queues) this.#queues.set(queue.name, queue);
    this.#prefetch = options.prefetch ?? 0;
    this.#finished = this.#run().catch((error: unknown) => this.#fail(error));
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery> {
    return this.#out;
  }

  setPrefetch(count: number): void {
    this.#prefetch = count;
    this.#session?.setPrefetch(count);
  }

  async add(queue: Queue): Promise<void> {
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
    this.#queues.set(queue.name, queue);
    const session = this.#session;
    try {
      await session?.add(queue);
    } catch (error) {
      // A lost connection is repaired with the new queue among the others; a refused queue is not.
      if (!session?.lost || replyCode(error) !== undefined) {
        this.#queues.delete(queue.name);
        throw operational(error, `consuming queue "${queue.name}" failed`);
      }
    }
    if (!session || session.lost) await this.#next.promise;
  }

  async cancel(queue: string): Promise<void> {
    this.#queues.delete(queue);
    const session = this.#session;
    if (!session) return;
    await session.cancel(queue).catch(() => undefined);
    if (!this.options.noAck) this.#giveBack((delivery) => delivery.queue === queue);
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#doStop());
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.stop();
    await this.#session?.close();
    await this.#finished;
    this.settings.onClosed(this);
  }

  async #doStop(): Promise<void> {
    const reason = new OperationalError("the consumer is stopped", { retriable: false });
    this.#stop.abort(reason);
    this.#next.reject(reason);
    const session = this.#session;
    if (session) {
      if (!this.options.noAck) this.#giveBack(() => true);
      await session.stop().catch(() => undefined);
      this.#pump();
    }
    this.#out.end();
  }

  /** What is in the way to the reader and was not read. */
  #giveBack(which: (delivery: Delivery) => boolean): void {
    for (const delivery of this.#out.drain())
      if (which(delivery)) void delivery.reject({ requeue: true });
      else this.#out.push(delivery);
  }

  #pump(): void {
    for (let next = this.#session?.take(); next; next = this.#session?.take()) this.#out.push(next);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    // Opening happens after the caller has had the consumer in hand.
    await Promise.resolve();
    let ever = false;
    let failures = 0;
    let shortLived = 0;
    while (!signal.aborted) {
      const started = monotonic();
      let lost: CeleryError;
      try {
        lost = await this.#consume();
        if (!this.settings.retry) throw lost;
        ever = true;
        failures = 0;
        shortLived = monotonic() - started < STABLE_MS ? shortLived + 1 : 0;
      } catch (error) {
        if (signal.aborted) return;
        lost = operational(error, "consuming failed");
        if (needsPerConsumer(error) && !this.#perConsumer) this.#perConsumer = true;
        else this.#judge(lost, failures++, ever);
      }
      if (signal.aborted) return;
      this.settings.logger.warn(`${lost.message}; the consumer connects again`);
      // After a loss at once; then, and when sessions keep ending early, with growing pauses.
      const step = Math.max(failures, shortLived - 1);
      if (step > 0) await sleep(this.settings.delay(step), signal).catch(() => undefined);
    }
  }

  /** Throws when coming back is not wanted or makes no sense. */
  #judge(error: CeleryError, failures: number, ever: boolean): void {
    const { retry, maxRetries } = this.settings;
    // Once it has worked, a refusal may be passing: a server that starts up refuses logins, a dead connection that it
    // has not noticed yet keeps its exclusive queues.
    if (!error.retriable && !(ever && error instanceof OperationalError)) throw error;
    if (!retry) throw error;
    if (maxRetries !== null && failures >= maxRetries)
      throw new OperationalError(`gave up after ${maxRetries} attempts to come back: ${error.message}`, {
        cause: error,
        retriable: false,
      });
  }

  /** One session from its opening to its end; resolves with the reason of its end. */
  async #consume(): Promise<CeleryError> {
    const { signal } = this.#stop;
    const connected = await abortable(this.settings.connection(), signal);
    await abortable(this.#declareDelays(connected.topology), signal);
    const session = await Session.open(connected, this.#queues.values(), {
      noAck: this.options.noAck ?? false,
      prefetch: this.#prefetch,
      perConsumer: this.#perConsumer || this.#limitsPerConsumer(connected.link),
      onArrival: () => this.#pump(),
      onUndecodable: (error, queue) => this.#undecodable(error, queue),
    });
    const lost = new Promise<CeleryError>((resolve) => session.onLost(resolve));
    if (signal.aborted) {
      await session.close();
      return lost;
    }
    this.#session = session;
    // What was asked for while the session was opening.
    session.setPrefetch(this.#prefetch);
    for (const queue of this.#queues.values()) if (!session.queues.includes(queue.name)) await session.add(queue);
    for (const name of session.queues) if (!this.#queues.has(name)) await session.cancel(name);
    this.#next.resolve(session);
    this.#next = silent();
    this.options.onConnected?.();
    this.#pump();
    const error = await lost;
    this.#session = undefined;
    this.#out.drain();
    if (!this.#closing) this.options.onConnectionLost?.(error);
    return error;
  }

  /**
   * Before the first task: it may send another one with a countdown. What holds delayed messages back is as much a part
   * of the connection as the queues, but nothing that all hangs on.
   */
  async #declareDelays(topology: Topology): Promise<void> {
    const { delayedQueues = [] } = this.options;
    if (!hasQuorum(delayedQueues)) return;
    // Only a queue that exists can be bound.
    for (const queue of this.#queues.values()) if (delayedQueues.includes(queue)) await topology.declareQueue(queue);
    await declareDelays(topology, delayedQueues, this.settings.delayedQueueType).catch((error: unknown) => {
      if (!topology.link.lost) this.settings.logger.error(delaysFailed(error));
    });
  }

  /**
   * Whether basic.qos counts per consumer. Per channel is what Celery wants, for its limit can then change at any time;
   * quorum queues refuse that, and RabbitMQ 4 has it no more (celery/worker/consumer/tasks.py, kombu's pyamqp transport).
   */
  #limitsPerConsumer(link: Link): boolean {
    const [major, minor] = link.serverVersion;
    if (major >= 4 || (major === 3 && minor < 3)) return true;
    return this.settings.detectQuorumQueues && hasQuorum([...this.#queues.values()]);
  }

  #undecodable(error: DecodeError, queue: string): void {
    if (this.options.onUndecodable) this.options.onUndecodable(error, queue);
    else this.settings.logger.error(`dropped a message of queue "${queue}": ${error.message}`);
  }

  #fail(error: unknown): void {
    this.#stop.abort(error);
    this.#next.reject(error);
    this.#out.fail(error);
    this.settings.onClosed(this);
  }
}

/** A deferred whose rejection need not be awaited by anybody. */
function silent(): Deferred<Session> {
  const made = deferred<Session>();
  made.promise.catch(() => undefined);
  return made;
}
