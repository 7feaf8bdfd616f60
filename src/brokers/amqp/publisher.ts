import type { ConfirmChannel, Message as AmqpMessage } from "amqplib";
import { type CeleryError, OperationalError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Destination } from "../../protocol/queue.js";
import { abortable, onAbort } from "../../util/abort.js";
import type { PublishOptions } from "../broker.js";
import { Fifo } from "./fifo.js";
import { ConfirmWindow, type Outcome, type Pending } from "./confirm-window.js";
import { requireDelays } from "./delayed.js";
import { serverText } from "./errors.js";
import type { Link } from "./link.js";
import { bystander, isAbout, maybeArrived, notRouted, notTaken, refused } from "./publish-errors.js";
import { encodingProblem, publishOptions } from "./publish-options.js";
import type { Topology } from "./topology.js";

/**
 * Messages on the wire that are not confirmed. More wait here, outside amqplib, whose bookkeeping slows down with
 * their number; RabbitMQ is at its fastest far below.
 */
const MAX_UNCONFIRMED = 8192;

/** `heldFor` is where a message goes after it was held back. */
type Options = PublishOptions & { readonly heldFor?: Destination };

interface Open {
  readonly link: Link;
  readonly topology: Topology;
  readonly channel: ConfirmChannel;
  readonly window: ConfirmWindow;
  /** amqplib's buffer is full: nothing more is written until it has drained. */
  full: boolean;
  /** The error with which the server closed the channel. */
  refusal: unknown;
}

/** Sends messages through one confirm channel, which is opened again when the server closes it. */
export class Publisher {
  #open: Open | undefined;
  #opening: Promise<Open> | undefined;
  /** Accepted from callers and not written yet. */
  readonly #backlog = new Fifo<Pending>();
  /** Calls that wait for a connection or a declaration. */
  #preparing = 0;
  #idle: (() => void)[] = [];

  constructor(
    private readonly connection: () => Promise<{ link: Link; topology: Topology }>,
    private readonly display: string,
  ) {}

  /** Resolves when the broker has the message. */
  publish(message: Message, to: Destination, options: Options = {}): Promise<void> {
    const { declare, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const open = this.#open;
    if (open?.link.blockage.error) return Promise.reject(open.link.blockage.error);
    const mandatory = options.mandatory ?? true;
    if (open && !options.heldFor && isDeclared(open.topology, to, declare))
      return this.#enqueue(message, to, mandatory, signal);
    return this.#prepareAndEnqueue(message, to, options);
  }

  /** Resolves when nothing waits for its confirmation. */
  async flushed(): Promise<void> {
    while (this.#preparing > 0 || this.#backlog.size > 0 || (this.#open?.window.size ?? 0) > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Rejects everything that waits. */
  fail(error: CeleryError): void {
    const rest = [...(this.#open?.window.drain() ?? []), ...this.#backlog.drain()];
    for (const pending of rest) pending.reject(error);
    this.#settled();
  }

  async #prepareAndEnqueue(message: Message, to: Destination, options: Options): Promise<void> {
    this.#preparing++;
    try {
      await abortable(this.#prepare(to, options), options.signal);
    } finally {
      this.#preparing--;
      // Whoever waits for silence hears of it when this message has been answered as well.
      queueMicrotask(() => this.#settled());
    }
    return this.#enqueue(message, to, options.mandatory ?? true, options.signal);
  }

  async #prepare(to: Destination, { declare = [], heldFor, delay }: Options): Promise<void> {
    const { topology } = await this.#ready();
    await topology.declareExchange((heldFor ?? to).exchange);
    for (const queue of declare) await topology.declareQueue(queue);
    if (heldFor) await requireDelays(topology, heldFor, delay?.queues ?? []);
  }

  #enqueue(message: Message, to: Destination, mandatory: boolean, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise<void>((resolve, reject) => {
      const pending: Pending = { message, to, mandatory, waiting: false, resolve, reject };
      if (signal) this.#watch(pending, signal);
      const open = this.#open;
      if (open && mayWrite(open) && this.#backlog.size === 0) this.#write(open, pending);
      else {
        pending.waiting = true;
        this.#backlog.push(pending);
        if (!open) this.#reopen();
      }
    });
  }

  /** An aborted message is taken back if it still waits here; what was written may arrive. */
  #watch(pending: Pending, signal: AbortSignal): void {
    const { resolve, reject } = pending;
    const off = onAbort(signal, () => {
      if (pending.waiting) this.#backlog.remove(pending);
      reject(signal.reason);
    });
    pending.resolve = () => (off(), resolve());
    pending.reject = (error) => (off(), reject(error));
  }

  #write(open: Open, pending: Pending): void {
    const { message, to, mandatory } = pending;
    pending.waiting = false;
    const { body } = message;
    const content = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    try {
      const options = publishOptions(message, mandatory);
      if (!open.channel.publish(to.exchange.name, to.routingKey, content, options)) open.full = true;
      open.window.push(pending);
    } catch (error) {
      const problem = encodingProblem(error, message);
      // Anything else means that the channel is of no use, even if it went without a word.
      if (!problem && this.#open === open) this.#open = undefined;
      pending.reject(
        problem ??
          new OperationalError(`the message was not sent to ${this.display}: ${serverText(error)}`, { cause: error }),
      );
    }
  }

  #flush(open: Open): void {
    if (open !== this.#open) return;
    while (mayWrite(open)) {
      const pending = this.#backlog.shift();
      if (!pending) break;
      this.#write(open, pending);
    }
    this.#settled();
  }

  #settled(): void {
    if (this.#idle.length === 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resume of idle) resume();
  }

  #ready(): Promise<Open> {
    if (this.#open) return Promise.resolve(this.#open);
    return (this.#opening ??= this.#openChannel().finally(() => (this.#opening = undefined)));
  }

  /** After the server closed the channel: what had not been written goes out on a new one. */
  #reopen(): void {
    this.#ready().then(
      (open) => this.#flush(open),
      (error: unknown) => {
        for (const pending of this.#backlog.drain()) pending.reject(error);
        this.#settled();
      },
    );
  }

  async #openChannel(): Promise<Open> {
    const { link, topology } = await this.connection();
    const channel = await link.confirmChannel();
    const window = new ConfirmWindow((pending, outcome) => this.#conclude(pending, outcome));
    const open: Open = { link, topology, channel, window, full: false, refusal: undefined };
    const confirm = (tag: number, multiple: boolean, ok: boolean): void => {
      window.confirm(tag, multiple, ok);
      if (this.#backlog.size > 0) this.#flush(open);
      else if (window.size === 0) this.#settled();
    };
    channel.on("ack", ({ deliveryTag, multiple }) => confirm(deliveryTag, multiple, true));
    channel.on("nack", ({ deliveryTag, multiple }) => confirm(deliveryTag, multiple, false));
    channel.on("return", (message) => returned(window, topology, message));
    channel.on("drain", () => {
      open.full = false;
      this.#flush(open);
    });
    const off = link.blockage.on(
      (error) => this.#giveUp(open, error),
      () => this.#flush(open),
    );
    channel.on("error", (error) => (open.refusal = error));
    channel.on("close", () => {
      off();
      if (this.#open === open) this.#open = undefined;
      // A moment later it is known whether the whole connection went.
      queueMicrotask(() => this.#closed(open));
    });
    if (link.lost) throw link.lost;
    return (this.#open = open);
  }

  /** The server has blocked the connection for too long. What was written before may still be taken. */
  #giveUp(open: Open, error: CeleryError): void {
    if (open !== this.#open) return;
    const written = maybeArrived(error);
    for (const pending of open.window.pending()) pending.reject(written);
    for (const pending of this.#backlog.drain()) pending.reject(error);
  }

  #conclude(pending: Pending, outcome: Outcome): void {
    switch (outcome.kind) {
      case "confirmed":
        return pending.resolve();
      case "refused":
        return pending.reject(notTaken(pending, this.display));
      case "returned":
        return pending.reject(notRouted(pending, outcome.reason));
    }
  }

  #closed({ link, topology, window, refusal }: Open): void {
    const rest = window.drain();
    if (link.lost) {
      const error = maybeArrived(link.lost);
      for (const pending of rest) pending.reject(error);
      for (const pending of this.#backlog.drain()) pending.reject(link.lost);
      return this.#settled();
    }
    topology.forget();
    const text = serverText(refusal ?? "without a reason");
    const innocent = bystander(text, this.display, refusal);
    for (const pending of rest) {
      const guilty = rest.length === 1 || isAbout(text, pending);
      pending.reject(guilty ? refused(text, pending, refusal) : innocent);
    }
    if (this.#backlog.size > 0) this.#reopen();
    else this.#settled();
  }
}

/** A server that blocks the connection would not read it: what waits here can still be given up. */
const mayWrite = ({ full, window, link }: Open): boolean =>
  !full && window.size < MAX_UNCONFIRMED && !link.blockage.active;

/** Without waiting: this is asked for every message. */
function isDeclared(topology: Topology, to: Destination, declare: PublishOptions["declare"]): boolean {
  if (!topology.isExchangeDeclared(to.exchange)) return false;
  if (declare) for (const queue of declare) if (!topology.isQueueDeclared(queue)) return false;
  return true;
}

function returned(window: ConfirmWindow, topology: Topology, message: AmqpMessage): void {
  // What was thought to be declared is gone: the next publish looks again.
  topology.forget();
  const fields = message.fields as unknown as Record<"exchange" | "routingKey" | "replyText", string>;
  const properties = message.properties as { correlationId?: string };
  window.returned({
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    correlationId: properties.correlationId,
    body: message.content,
    reason: fields.replyText,
  });
}
