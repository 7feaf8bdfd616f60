import type { Channel } from "amqplib";
import { CeleryError, DeclarationMismatch, ImproperlyConfigured, OperationalError } from "../../errors.js";
import type { Binding, Exchange, Queue } from "../../protocol/queue.js";
import type { Logger } from "../../util/logger.js";
import { encodeTable } from "./encode-table.js";
import { ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, replyCode, RESOURCE_LOCKED, serverText } from "./errors.js";
import type { Link } from "./link.js";
import { SerialChannel } from "./serial-channel.js";

/**
 * Queues, exchanges and bindings of one connection. Passive first: what exists is used as it is, whatever its
 * properties, so that a queue which an operator or another Celery declared with other arguments is no obstacle.
 */
export class Topology {
  readonly #channel: SerialChannel;
  /** Fast path: the very objects that are known to be declared. */
  #queues = new WeakSet<Queue>();
  #keys = new Map<string, Promise<void>>();
  #done = new Set<string>();

  constructor(
    readonly link: Link,
    private readonly logger: Logger,
  ) {
    this.#channel = new SerialChannel(link);
  }

  /** Nothing is known to exist any more: something expected turned out to be missing. */
  forget(): void {
    this.#queues = new WeakSet();
    this.#keys = new Map();
    this.#done = new Set();
  }

  isQueueDeclared(queue: Queue): boolean {
    if (this.#queues.has(queue)) return true;
    if (!canCache(queue) || !this.#done.has(queueKey(queue))) return false;
    this.#queues.add(queue);
    return true;
  }

  isExchangeDeclared(exchange: Exchange): boolean {
    return exchange.name === "" || (!exchange.autoDelete && this.#done.has(exchangeKey(exchange)));
  }

  /**
   * Makes the queue, its exchanges and bindings exist; `fresh` asks the server even when they are known to.
   *
   * @throws DeclarationMismatch when an exchange for a new queue, or (made by another at this very moment) the queue
   * itself exists with other properties
   */
  async declareQueue(queue: Queue, fresh = false): Promise<void> {
    await this.once(canCache(queue) && !fresh ? queueKey(queue) : undefined, () => this.#declareQueue(queue));
  }

  async declareExchange(exchange: Exchange): Promise<void> {
    if (exchange.name === "") return;
    await this.once(exchange.autoDelete ? undefined : exchangeKey(exchange), async () => {
      if (!(await this.exchangeExists(exchange.name))) await this.#assertExchange(exchange);
    });
  }

  async exchangeExists(name: string): Promise<boolean> {
    const doing = `looking for exchange "${name}"`;
    return (await this.#find(doing, (channel) => channel.checkExchange(name))) !== undefined;
  }

  /** Without looking first: for what everybody declares alike. One that exists otherwise is used as it is. */
  ensureExchange(exchange: Exchange): Promise<void> {
    return likeIt(this.#assertExchange(exchange));
  }

  ensureQueue(queue: Queue): Promise<void> {
    return likeIt(this.#assertQueue(queue));
  }

  async bindQueue(queue: string, exchange: string, key: string): Promise<void> {
    await this.#try(`binding queue "${queue}" to exchange "${exchange}"`, (channel) =>
      channel.bindQueue(queue, exchange, key),
    );
  }

  /** What arrives at `source` with such a key also goes to `destination`. */
  async bindExchange(destination: string, source: string, key: string): Promise<void> {
    await this.#try(`binding exchange "${destination}" to exchange "${source}"`, (channel) =>
      channel.bindExchange(destination, source, key),
    );
  }

  /** Waiting messages; undefined when there is no such queue. */
  async count(queue: string): Promise<number | undefined> {
    const found = await this.#find(`size of queue "${queue}"`, (channel) => channel.checkQueue(queue));
    return found?.messageCount;
  }

  async purge(queue: string): Promise<number> {
    const found = await this.#find(`purging queue "${queue}"`, (channel) => channel.purgeQueue(queue));
    return found?.messageCount ?? 0;
  }

  async delete(queue: string): Promise<void> {
    await this.#find(`deleting queue "${queue}"`, (channel) => channel.deleteQueue(queue));
    this.forget();
  }

  async #declareQueue(queue: Queue): Promise<void> {
    const exists = (await this.count(queue.name)) !== undefined;
    const { exchange: main, routingKey, bindingArguments = {} } = queue;
    const bindings = [{ exchange: main, routingKey, arguments: bindingArguments }, ...queue.bindings];
    const named = bindings.filter((binding) => binding.exchange.name !== "");
    for (const { exchange } of named)
      // A queue that exists may well be bound to an exchange of another type; a new one must get the exchange it asks for.
      if (exists) await this.declareExchange(exchange);
      else await this.#assertExchange(exchange);
    if (!exists) await this.#assertQueue(queue);
    for (const binding of named) await this.#bind(queue, binding, exists);
  }

  #assertQueue(queue: Queue): Promise<unknown> {
    const { durable, exclusive, autoDelete } = queue;
    return this.#try(`declaring queue "${queue.name}"`, (channel) =>
      channel.assertQueue(queue.name, { durable, exclusive, autoDelete, arguments: encodeTable(queue.arguments) }),
    );
  }

  #assertExchange(exchange: Exchange): Promise<unknown> {
    const { durable, autoDelete } = exchange;
    return this.#try(`declaring exchange "${exchange.name}"`, (channel) =>
      channel.assertExchange(exchange.name, exchange.type, {
        durable,
        autoDelete,
        arguments: encodeTable(exchange.arguments),
      }),
    );
  }

  async #bind(queue: Queue, binding: Binding, existed: boolean): Promise<void> {
    const { exchange, routingKey } = binding;
    try {
      await this.#try(`binding queue "${queue.name}" to exchange "${exchange.name}"`, (channel) =>
        channel.bindQueue(queue.name, exchange.name, routingKey, encodeTable(binding.arguments)),
      );
    } catch (error) {
      // An account without the right to bind can still use a queue that somebody else has set up.
      if (!existed || replyCode((error as Error).cause) !== ACCESS_REFUSED) throw error;
      this.logger.warn((error as Error).message);
    }
  }

  /** The answer, or undefined when the thing does not exist. */
  async #find<T>(doing: string, use: (channel: Channel) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#try(doing, use);
    } catch (error) {
      if (replyCode((error as Error).cause) === NOT_FOUND) return undefined;
      throw error;
    }
  }

  async #try<T>(doing: string, use: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await this.link.blockage.guard(this.#channel.run(use));
    } catch (cause) {
      throw this.#explain(doing, cause);
    }
  }

  #explain(doing: string, cause: unknown): CeleryError {
    if (cause instanceof CeleryError) return cause;
    if (this.link.lost) return this.link.lost;
    if (cause instanceof TypeError || cause instanceof RangeError)
      return new ImproperlyConfigured(`${doing} cannot be written as AMQP: ${cause.message}`, { cause });
    const text = `${doing} on ${this.link.endpoint.display} failed: ${serverText(cause)}`;
    switch (replyCode(cause)) {
      case PRECONDITION_FAILED:
        // Not a difference to what exists: nobody can have such a queue.
        if (/invalid arg/.test(text)) return new ImproperlyConfigured(text, { cause });
        return new DeclarationMismatch(
          `${text}. It exists with other properties: declare the same ones, or delete it so that it is made anew`,
          { cause },
        );
      case RESOURCE_LOCKED:
        return new OperationalError(`${text}. Another connection owns it: is the same name in use twice?`, {
          cause,
          retriable: false,
        });
      case ACCESS_REFUSED:
        return new OperationalError(
          `${text}. The user needs the permission to do so (rabbitmqctl set_permissions: configure, write, read)`,
          { cause, retriable: false },
        );
      case NOT_FOUND: // removed between two steps
      case undefined:
        return new OperationalError(text, { cause });
      default:
        return new OperationalError(text, { cause, retriable: false });
    }
  }

  isDone(key: string): boolean {
    return this.#done.has(key);
  }

  /** Runs once per key and connection; a failure is not remembered. Without a key it runs every time. */
  once(key: string | undefined, run: () => Promise<void>): Promise<void> {
    if (key === undefined) return run();
    const keys = this.#keys;
    const done = this.#done;
    let known = keys.get(key);
    if (!known) {
      known = run().then(
        () => void done.add(key),
        (error: unknown) => {
          keys.delete(key);
          throw error;
        },
      );
      keys.set(key, known);
    }
    return known;
  }
}

/** What goes away by itself must be declared every time (kombu's `can_cache_declaration`). */
const canCache = (queue: Queue): boolean => !queue.autoDelete && !("x-expires" in queue.arguments);

const exchangeKey = (exchange: Exchange): string => `e:${exchange.name}`;

function queueKey(queue: Queue): string {
  const bindings = queue.bindings.map((one) => [one.exchange.name, one.routingKey, one.arguments]);
  const own = [queue.name, queue.exchange.name, queue.routingKey, queue.bindingArguments];
  return `q:${JSON.stringify([own, bindings], (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  )}`;
}

/** Another type, durability or argument is no obstacle. */
async function likeIt(declared: Promise<unknown>): Promise<void> {
  try {
    await declared;
  } catch (error) {
    if (!(error instanceof DeclarationMismatch)) throw error;
  }
}
