import type { Message } from "../../protocol/message.js";
import type { Destination } from "../../protocol/queue.js";

/** What the server said of one message. */
export type Outcome =
  | { readonly kind: "confirmed" }
  | { readonly kind: "returned"; readonly reason: string }
  | { readonly kind: "refused" };

/** One message on its way, and the promise of its sender. */
export interface Pending {
  readonly message: Message;
  readonly to: Destination;
  readonly mandatory: boolean;
  /** Still in the backlog, so it can be taken back. */
  waiting: boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A message that came back, as far as it identifies itself. */
export interface Returned {
  readonly exchange: string;
  readonly routingKey: string;
  readonly correlationId: string | undefined;
  readonly body: Uint8Array;
  readonly reason: string;
}

const CONFIRMED: Outcome = { kind: "confirmed" };
const REFUSED: Outcome = { kind: "refused" };

/**
 * The messages of one channel that wait for their confirmation. Confirmations carry the number of the message (they
 * count from 1 per channel). Returned messages carry no number, but two things are certain (RabbitMQ handles a channel
 * in one process): a message is returned before it is confirmed, and messages are returned in the order in which they
 * were published. So each return belongs to the first unconfirmed message after the last returned one that looks the
 * same; only byte-identical copies cannot be told apart.
 */
export class ConfirmWindow {
  #slots: (Pending | undefined)[] = [];
  #head = 0;
  /** The delivery tag of the slot at `#head`. */
  #first = 1;
  /** Messages with a smaller tag have been passed over by an earlier return. */
  #unreturned = 1;
  readonly #returned = new Map<number, string>();
  #size = 0;

  constructor(private readonly settle: (pending: Pending, outcome: Outcome) => void) {}

  /** Messages that are not confirmed. */
  get size(): number {
    return this.#size;
  }

  push(pending: Pending): void {
    this.#slots.push(pending);
    this.#size++;
  }

  confirm(tag: number, multiple: boolean, ok: boolean): void {
    const index = this.#head + tag - this.#first;
    if (index < this.#head || index >= this.#slots.length) return;
    if (multiple) for (let at = this.#head; at <= index; at++) this.#settle(at, ok);
    else this.#settle(index, ok);
    while (this.#head < this.#slots.length && this.#slots[this.#head] === undefined) {
      this.#head++;
      this.#first++;
    }
    if (this.#head === this.#slots.length) {
      this.#slots = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Notes that a message came back; it is settled when its confirmation comes. False when it is nobody's. */
  returned(message: Returned): boolean {
    let tag = Math.max(this.#unreturned, this.#first);
    for (let at = this.#head + tag - this.#first; at < this.#slots.length; at++, tag++) {
      const pending = this.#slots[at];
      if (pending?.mandatory && same(pending, message)) {
        this.#returned.set(tag, message.reason);
        this.#unreturned = tag + 1;
        return true;
      }
    }
    return false;
  }

  /** What is not confirmed, in order; it stays, because its confirmation may still come. */
  pending(): Pending[] {
    return this.#slots.slice(this.#head).filter((one) => one !== undefined);
  }

  /** Takes out everything that is not confirmed, in order. */
  drain(): Pending[] {
    const rest = this.pending();
    this.#slots = [];
    this.#head = 0;
    this.#size = 0;
    return rest;
  }

  #settle(at: number, ok: boolean): void {
    const pending = this.#slots[at];
    if (pending === undefined) return;
    this.#slots[at] = undefined;
    this.#size--;
    let outcome = ok ? CONFIRMED : REFUSED;
    if (this.#returned.size > 0) {
      const tag = this.#first + at - this.#head;
      const reason = this.#returned.get(tag);
      if (reason !== undefined) {
        this.#returned.delete(tag);
        outcome = { kind: "returned", reason };
      }
    }
    this.settle(pending, outcome);
  }
}

function same({ message, to }: Pending, returned: Returned): boolean {
  return (
    to.routingKey === returned.routingKey &&
    to.exchange.name === returned.exchange &&
    message.properties.correlationId === returned.correlationId &&
    Buffer.compare(message.body, returned.body) === 0
  );
}
