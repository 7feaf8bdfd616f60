import { now } from "../../util/time.js";
import type { PutOptions, Route } from "../virtual/store.js";

/** One message that waits. */
export interface Waiting {
  readonly text: string;
  readonly priority: number;
  /** Milliseconds since 1970 after which it is dropped. */
  readonly deadline: number;
}

/** First in, first out, with a way back to the front. */
class Fifo {
  #items: (Waiting | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }
  push(item: Waiting): void {
    this.#items.push(item);
  }
  unshift(item: Waiting): void {
    if (this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.unshift(item);
  }
  shift(): Waiting | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
  dropExpired(): void {
    const time = now();
    if (!this.#items.some((item) => item && item.deadline <= time)) return;
    this.#items = this.#items.slice(this.#head).filter((item) => item && item.deadline > time);
    this.#head = 0;
  }
}

/** One queue: ten lists, served from 9 down to 0 as RabbitMQ does. */
class MemoryQueue {
  readonly #lists: (Fifo | undefined)[] = [];
  /** Whether any message ever had an expiration: spares the others a walk. */
  #expires = false;

  add(item: Waiting, front: boolean): void {
    if (item.deadline !== Infinity) this.#expires = true;
    const list = (this.#lists[item.priority] ??= new Fifo());
    if (front) list.unshift(item);
    else list.push(item);
  }

  take(): Waiting | undefined {
    for (let priority = 9; priority >= 0; priority--) {
      const list = this.#lists[priority];
      for (let item = list?.shift(); item; item = list?.shift()) if (item.deadline > now()) return item;
    }
    return undefined;
  }

  get size(): number {
    if (this.#expires) for (const list of this.#lists) list?.dropExpired();
    return this.#lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
  }
}

/** The queues and bindings of one name, shared by every broker of this process that was opened with it. */
export class MemoryState {
  readonly queues = new Map<string, MemoryQueue>();
  readonly routes = new Map<string, Route[]>();
  readonly #listeners = new Map<string, Set<() => void>>();

  put(queue: string, text: string, { priority, expiration }: PutOptions): void {
    const deadline = expiration === undefined ? Infinity : now() + expiration;
    this.add(queue, { text, priority, deadline }, false);
  }

  add(queue: string, item: Waiting, front: boolean): void {
    let waiting = this.queues.get(queue);
    if (!waiting) this.queues.set(queue, (waiting = new MemoryQueue()));
    waiting.add(item, front);
    for (const listener of this.#listeners.get(queue) ?? []) listener();
  }

  listen(queue: string, listener: () => void): void {
    const listeners = this.#listeners.get(queue);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(queue, new Set([listener]));
  }

  unlisten(queue: string, listener: () => void): void {
    const listeners = this.#listeners.get(queue);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(queue);
  }
}

const states = new Map<string, MemoryState>();

/** The state of that name, made on first use and kept until the process ends, as kombu keeps its memory queues. */
export function memoryState(name: string): MemoryState {
  let state = states.get(name);
  if (!state) states.set(name, (state = new MemoryState()));
  return state;
}
