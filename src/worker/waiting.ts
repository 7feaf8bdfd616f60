import { type Timer, after, monotonic, now } from "../util/time.js";
import type { Request } from "./request.js";

/** Longest time between two looks at the clock: it may be set while tasks wait. */
const LOOK_EVERY = 1000;

/** What tells the time: the machine's, or that of a test. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never jumps. */
  monotonic(): number;
  after(milliseconds: number, run: () => void): Timer;
}

interface Entry {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Keeps the order of those that are due at the same moment. */
  readonly order: number;
  readonly request: Request;
}

/** Requests that wait for their time: a heap by the moment they are due, and one timer. */
export class Waiting {
  readonly #due: (request: Request) => void;
  readonly #clock: Clock;
  #heap: Entry[] = [];
  #order = 0;
  #timer: Timer | undefined;
  /** When the timer goes off, by the clock that never jumps. */
  #wakesAt = Infinity;

  /** `due` must not throw. */
  constructor(due: (request: Request) => void, clock: Clock = { now, monotonic, after }) {
    this.#due = due;
    this.#clock = clock;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Those that wait, with their moments, in no order. */
  entries(): readonly Readonly<Entry>[] {
    return this.#heap;
  }

  /** `at`: milliseconds since 1970. */
  add(request: Request, at: number): void {
    const heap = this.#heap;
    heap.push({ at, order: this.#order++, request });
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!before(heap[child]!, heap[parent]!)) break;
      swap(heap, child, parent);
      child = parent;
    }
    this.#arm();
  }

  /** Takes all of them out, in the order in which they came. */
  clear(): Request[] {
    const requests = this.#heap.sort((a, b) => a.order - b.order).map((entry) => entry.request);
    this.#heap = [];
    this.#timer?.cancel();
    this.#wakesAt = Infinity;
    return requests;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first) return;
    const clock = this.#clock;
    const wait = Math.min(Math.max(0, first.at - clock.now()), LOOK_EVERY);
    const wakesAt = clock.monotonic() + wait;
    if (wakesAt >= this.#wakesAt) return;
    this.#timer?.cancel();
    this.#wakesAt = wakesAt;
    this.#timer = clock.after(wait, () => {
      this.#wakesAt = Infinity;
      const time = clock.now();
      for (let next = this.#heap[0]; next && next.at <= time; next = this.#heap[0]) this.#due(this.#take().request);
      this.#arm();
    });
  }

  #take(): Entry {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      sink(heap);
    }
    return first;
  }
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

function swap(heap: Entry[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b]!, heap[a]!];
}

function sink(heap: Entry[]): void {
  for (let parent = 0; ;) {
    let least = parent;
    for (const child of [2 * parent + 1, 2 * parent + 2])
      if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
    if (least === parent) return;
    swap(heap, parent, least);
    parent = least;
  }
}
