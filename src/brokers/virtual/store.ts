import type { OperationalError } from "../../errors.js";
import type { Queue } from "../../protocol/queue.js";

/**
 * What a broker without exchanges of its own has to offer: named lists of texts. Exchanges, prefetch, settling,
 * giving back and coming back after a lost connection are done once, by `virtualBroker` and `VirtualConsumer`.
 * Everything that can fail rejects with `OperationalError`; the text is always kombu's JSON envelope.
 */

/** One binding as kombu writes it: `pattern` is the regular expression of a topic binding, else empty. */
export interface Route {
  readonly routingKey: string;
  readonly pattern: string;
  readonly queue: string;
}

/** What a store has to know of a message besides its text. */
export interface PutOptions {
  /** 0 to 9, already clamped. */
  readonly priority: number;
  /** Milliseconds after which nobody wants the message any more, or undefined. */
  readonly expiration: number | undefined;
  /** Properties of the message that only some stores look at (`MessageProperties.other`). */
  readonly other?: Readonly<Record<string, unknown>> | undefined;
}

/** One text taken out of a queue. The receipt is the store's own: it comes back in `settle` and `giveBack`. */
export interface Taken<R> {
  readonly queue: string;
  readonly text: string;
  readonly receipt: R;
}

/** How a message ended: `ack` it is done, `drop` it was rejected and nobody is to have it. */
export type Settled = "ack" | "drop";

/** Where messages that are given back go: before everything that waits, or behind it. */
export type GiveBackTo = "front" | "back";

export interface MessageStore<R> {
  /** One attempt at each address. */
  connect(): Promise<void>;
  /** For stores that care how a queue was declared (`x-expires`): called before its bindings, each time it is declared. */
  declared?(queue: Queue): void;
  /** Bindings of named exchanges; binding twice is fine. */
  bind(exchange: string, route: Route): Promise<void>;
  unbind(exchange: string, route: Route): Promise<void>;
  routes(exchange: string): Promise<readonly Route[]>;
  /** Resolves when the text is in the queue. */
  put(queue: string, text: string, options: PutOptions): Promise<void>;
  /** Stores with a fanout of their own: resolves to the number of receivers. Without it every bound queue gets a copy. */
  broadcast?(exchange: string, routingKey: string, text: string): Promise<number>;
  size(queue: string): Promise<number>;
  purge(queue: string): Promise<number>;
  /** Removes the queue's messages; its bindings are removed with `unbind`. */
  remove(queue: string): Promise<void>;
  /** The reading side of one consumer. Nothing is opened before `open`. */
  source(events: SourceEvents, options: SourceOptions): MessageSource<R>;
  /** Called by the broker once: the store tells when what was declared may be gone. */
  onForgotten?(listener: () => void): void;
  close(): Promise<void>;
}

export interface SourceOptions {
  /** Nothing taken will ever be settled. */
  readonly noAck: boolean;
}

export interface SourceEvents {
  /** Something may be there to take. Waking too often is harmless. */
  wake(): void;
  /** The connection is gone; nothing taken over it can be settled any more. */
  lost(error: OperationalError): void;
}

export interface MessageSource<R> {
  /** Milliseconds between two looks at the queues when nobody called `wake`. */
  readonly pollInterval: number;
  /** Connects (again). The signal ends the attempt. */
  open(signal: AbortSignal): Promise<void>;
  /** Called for each consumed queue after every `open`: fanout subscriptions. False when there is nothing to take by name. */
  attach(queue: Queue): Promise<boolean>;
  detach(queue: Queue): Promise<void>;
  /** At most `limit` texts, the first queue first; never waits for a message to come. */
  take(queues: readonly string[], limit: number): Promise<readonly Taken<R>[]>;
  /** Asks to be woken: true when there is something to take already. */
  arm(queues: readonly string[]): Promise<boolean>;
  /** Done with this one. The order on the way is kept, and nothing is waited for. */
  settle(taken: Taken<R>, how: Settled): void;
  /** Puts messages back, oldest first, with the mark of a redelivery. Connects for it when it has to. */
  giveBack(taken: readonly Taken<R>[], to: GiveBackTo): Promise<void>;
  /** Milliseconds between two calls of `renew`; absent or 0: what is held stays held. */
  readonly renewInterval?: number;
  /** Asks for more time for all that is held, oldest first. When it rejects, it is told in the log and tried again. */
  renew?(held: readonly Taken<R>[]): Promise<void>;
  /** The server has not answered for too long: ends the connection, so that whatever waits for it fails. */
  drop(): void;
  /** Sends what is on its way, then disconnects. */
  close(): Promise<void>;
}
