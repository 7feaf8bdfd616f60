import type { Broker, Consumer } from "../../brokers/broker.js";
import { CeleryError, DecodeError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Queue } from "../../protocol/queue.js";
import { defaultExchange, queue } from "../../protocol/queue.js";
import type { ResultRecord } from "../../protocol/result.js";
import { isReady, resultFromDocument } from "../../protocol/result.js";
import { acceptedTypes, decodeContent } from "../../protocol/serializers/registry.js";
import { newOid } from "../../util/id.js";
import type { BackendOptions } from "../backend.js";
import { closedError } from "../closed.js";
import { Watcher } from "../watcher.js";
import type { Reply } from "./reply-buffer.js";
import { ReplyBuffer } from "./reply-buffer.js";

/** Replies for tasks that nobody asks about must not fill the memory. */
const LIMITS = { unread: 100_000, unreadBytes: 64 * 1024 * 1024, read: 8192 };
/** RabbitMQ's largest `x-expires`, in milliseconds. */
const LONGEST_EXPIRY = 2 ** 32 - 1;

/**
 * The queue on which one process hears of its tasks: consumed from the first task on, so that nothing has to be
 * looked for. What arrives is handed to those who wait, and kept for those who ask later.
 */
export class ReplyQueue {
  /** Made as kombu makes it; it goes into `reply_to`. */
  readonly name = newOid();
  readonly #options: BackendOptions;
  readonly #queue: Queue;
  readonly #accept: ReadonlySet<string>;
  readonly #buffer: ReplyBuffer;
  readonly #watchers = new Map<string, Watcher[]>();
  #starting: Promise<Broker> | undefined;
  #consumer: Consumer | undefined;
  #consuming = false;
  #closed = false;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.#accept = acceptedTypes(options.acceptContent);
    this.#queue = replyQueue(this.name, options);
    let told = false;
    this.#buffer = new ReplyBuffer(LIMITS, (taskId) => {
      if (told) return;
      told = true;
      options.logger.warn("too many results wait to be read: the oldest are dropped; use ignoreResult or read them", {
        taskId,
        ...LIMITS,
      });
    });
  }

  /** Resolves when replies have a queue to arrive in. */
  async ready(): Promise<void> {
    const broker = await this.#start();
    if (!this.#consuming) await broker.declare(this.#queue);
  }

  async newest(taskId: string): Promise<ResultRecord | null> {
    const reply = this.#buffer.get(some(taskId));
    if (!reply) {
      await this.#start();
      return null;
    }
    this.#buffer.markRead(taskId);
    if (reply instanceof CeleryError) throw reply;
    return reply;
  }

  watch(taskIds: readonly string[], signal: AbortSignal | undefined): AsyncIterable<ResultRecord> {
    return { [Symbol.asyncIterator]: () => this.#watch(taskIds, signal) };
  }

  forget(taskId: string): void {
    this.#buffer.forget(taskId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#failAll(closedError());
    const broker = await this.#starting?.catch(() => undefined);
    try {
      await this.#consumer?.close();
      // Where queues do not go away by themselves (lists in Redis), this does it.
      await broker?.delete(this.#queue);
    } catch (error) {
      this.#options.logger.debug("the reply queue could not be removed", { queue: this.name, error });
    }
  }

  #watch(taskIds: readonly string[], signal: AbortSignal | undefined): AsyncIterator<ResultRecord> {
    const watcher = new Watcher([...new Set(taskIds)].map(some), signal, this.#leave);
    if (this.#closed) watcher.fail(closedError());
    for (const taskId of watcher.keys) {
      if (!watcher.active) break;
      const reply = this.#buffer.get(taskId);
      if (!reply || !done(reply)) this.#watchers.set(taskId, [...(this.#watchers.get(taskId) ?? []), watcher]);
      if (reply) {
        this.#buffer.markRead(taskId);
        deliver(watcher, reply);
      }
    }
    if (watcher.active) this.#start().catch((error: unknown) => watcher.fail(error));
    return watcher;
  }

  /** One function for all watchers. */
  readonly #leave = (watcher: Watcher): void => {
    for (const taskId of watcher.keys) {
      const left = this.#watchers.get(taskId)?.filter((other) => other !== watcher);
      if (left?.length === 0) this.#watchers.delete(taskId);
      else if (left) this.#watchers.set(taskId, left);
    }
  };

  /** Consumes from now on; a consumer that failed for good is replaced by the next who needs one. */
  #start(): Promise<Broker> {
    return (this.#starting ??= this.#options
      .broker()
      .then((broker) => {
        if (!this.#closed) void this.#consume(broker);
        return broker;
      })
      .catch((error: unknown) => {
        this.#starting = undefined;
        throw error;
      }));
  }

  async #consume(broker: Broker): Promise<void> {
    const { logger } = this.#options;
    try {
      this.#consumer = broker.consume([this.#queue], {
        noAck: true,
        onConnected: () => (this.#consuming = true),
        onConnectionLost: (error) => {
          this.#consuming = false;
          logger.warn("the connection was lost: results sent meanwhile may be lost with the reply queue", { error });
        },
        onUndecodable: (error) => logger.warn("something that is no message was in the reply queue", { error }),
      });
      for await (const delivery of this.#consumer) this.#take(delivery.message);
      this.#stopped(closedError());
    } catch (error) {
      this.#stopped(error);
    }
  }

  #stopped(error: unknown): void {
    this.#consuming = false;
    this.#starting = undefined;
    this.#consumer = undefined;
    if (!this.#closed) this.#failAll(error);
  }

  #take(message: Message): void {
    const correlationId = message.properties.correlationId;
    let taskId: string;
    let reply: Reply;
    try {
      reply = resultFromDocument(decodeContent(message, this.#accept), correlationId);
      taskId = reply.taskId;
    } catch (error) {
      if (correlationId === undefined) {
        this.#options.logger.warn("a result that names no task cannot be read; it is dropped", { error });
        return;
      }
      taskId = correlationId;
      reply =
        error instanceof CeleryError ? error : new DecodeError(`the result of ${taskId} is broken`, { cause: error });
    }
    this.#buffer.put(taskId, reply, message.body.length);
    const watchers = this.#watchers.get(taskId);
    if (!watchers) return;
    this.#buffer.markRead(taskId);
    if (done(reply)) this.#watchers.delete(taskId);
    for (const watcher of watchers) deliver(watcher, reply);
  }

  #failAll(error: unknown): void {
    for (const watchers of [...this.#watchers.values()]) for (const watcher of watchers) watcher.fail(error);
  }
}

/** The empty id is refused here as where keys are made of ids. */
function some(taskId: string): string {
  if (taskId === "") throw new CeleryError("the id of a task is empty; expected a text");
  return taskId;
}

const done = (reply: Reply): boolean => reply instanceof CeleryError || isReady(reply.status);

function deliver(watcher: Watcher, reply: Reply): void {
  if (reply instanceof CeleryError) watcher.fail(reply);
  else watcher.deliver(reply, isReady(reply.status));
}

/** As Python declares it, except that it is durable where results are to survive a restart of the broker. */
function replyQueue(name: string, options: BackendOptions): Queue {
  const { resultExpires, resultPersistent } = options;
  return queue(name, {
    exchange: defaultExchange,
    routingKey: name,
    durable: resultPersistent,
    autoDelete: true,
    arguments: resultExpires
      ? { "x-expires": Math.min(Math.max(1, Math.floor(resultExpires * 1000)), LONGEST_EXPIRY) }
      : {},
  });
}
