import { OperationalError } from "../errors.js";
import type { CeleryError } from "../errors.js";

/** Where a server is, as it may be shown. */
export interface Address {
  readonly displayUrl: string;
}

/** The addresses of one broker or store, shared by all of its connections: what failed for one is left by all. */
export class Addresses<A extends Address> {
  readonly #list: readonly A[];
  #at = 0;

  constructor(list: readonly A[]) {
    this.#list = list;
  }

  get count(): number {
    return this.#list.length;
  }

  get current(): A {
    return this.#list[this.#at % this.#list.length] as A;
  }

  /** Goes on to the next, unless somebody else already has. */
  leave(address: A): void {
    if (this.current === address) this.#at++;
  }
}

/** What a connection has to offer to be kept here. */
export interface Closable {
  /** Ends it at once. */
  destroy(reason?: Error): void;
  /** Ends it after what was sent is answered. */
  quit(): Promise<void>;
}

export interface LazyConnectionParts<C extends Closable, A extends Address> {
  readonly addresses: Addresses<A>;
  /** One attempt; `ended` is called when the connection ends, for whatever reason. */
  readonly connect: (address: A, ended: (reason: Error) => void, signal: AbortSignal) => Promise<C>;
  /** The library's error for a failed attempt. */
  readonly failure: (address: A, error: unknown) => CeleryError;
  /** An established connection ended without being asked to. */
  readonly lost?: ((error: OperationalError) => void) | undefined;
}

/**
 * A connection for one purpose, made when it is needed: one attempt at each address, then the caller hears of it. A
 * lost one is made anew by the next call.
 */
export class LazyConnection<C extends Closable, A extends Address> {
  readonly #parts: LazyConnectionParts<C, A>;
  #connection: Promise<C> | undefined;
  #live: C | undefined;
  /** Where each connection leads to. */
  readonly #leads = new WeakMap<C, A>();
  #attempts = new AbortController();
  #closed = false;

  constructor(parts: LazyConnectionParts<C, A>) {
    this.#parts = parts;
  }

  get displayUrl(): string {
    return this.#parts.addresses.current.displayUrl;
  }

  /** Whether there is a connection right now. */
  get connected(): boolean {
    return this.#live !== undefined;
  }

  get(): Promise<C> {
    if (this.#closed) return Promise.reject(this.#hasClosed());
    return (this.#connection ??= this.#open());
  }

  /** Where a connection leads to. */
  addressOf(connection: C): A {
    return this.#leads.get(connection) ?? this.#parts.addresses.current;
  }

  /** Forgets the connection without telling anybody: the next call makes a new one. */
  reset(): void {
    this.#forget()?.destroy(new Error("the connection was given up"));
  }

  /** Ends the connection now, for good. */
  end(): void {
    this.#closed = true;
    this.reset();
  }

  /** Ends the connection after what was sent is answered. A half-made one is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#forget()?.quit();
  }

  #forget(): C | undefined {
    const live = this.#live;
    this.#live = undefined;
    this.#connection = undefined;
    this.#attempts.abort();
    this.#attempts = new AbortController();
    return live;
  }

  async #open(): Promise<C> {
    const { addresses, failure } = this.#parts;
    const { signal } = this.#attempts;
    let failed: CeleryError | undefined;
    for (let attempt = 0; attempt < addresses.count && !signal.aborted; attempt++) {
      const address = addresses.current;
      try {
        return await this.#attempt(address, signal);
      } catch (error) {
        failed = failure(address, error);
        if (!signal.aborted) addresses.leave(address);
      }
    }
    if (!signal.aborted) this.#connection = undefined;
    throw failed ?? this.#hasClosed();
  }

  async #attempt(address: A, signal: AbortSignal): Promise<C> {
    let opened: C | undefined;
    let over: Error | undefined;
    const ended = (reason: Error): void => {
      over = reason;
      if (opened) this.#ended(opened, address, reason);
    };
    const connection = (opened = await this.#parts.connect(address, ended, signal));
    if (over) throw over;
    if (signal.aborted) {
      connection.destroy(new Error("the connection was given up"));
      throw this.#hasClosed();
    }
    this.#live = connection;
    this.#leads.set(connection, address);
    return connection;
  }

  #ended(connection: C, address: A, reason: Error): void {
    if (this.#live !== connection) return;
    this.#live = undefined;
    this.#connection = undefined;
    this.#parts.lost?.(
      new OperationalError(`the connection to ${address.displayUrl} was lost: ${reason.message}`, { cause: reason }),
    );
  }

  #hasClosed(): OperationalError {
    return new OperationalError(`the connection to ${this.displayUrl} has been closed`, { retriable: false });
  }
}
