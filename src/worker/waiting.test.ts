import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timer } from "../util/time.js";
import type { Request } from "./request.js";
import { type Clock, Waiting } from "./waiting.js";

/** A clock that goes when it is told to, and can be set. */
class Hand implements Clock {
  #elapsed = 0;
  #set = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#elapsed + this.#set;
  }
  monotonic(): number {
    return this.#elapsed;
  }
  after(milliseconds: number, run: () => void): Timer {
    const timer = { at: this.#elapsed + milliseconds, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  get timers(): number {
    return this.#timers.size;
  }
  /** Somebody sets the machine's clock. */
  set(by: number): void {
    this.#set += by;
  }
  pass(milliseconds: number): void {
    const end = this.#elapsed + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.#elapsed = next.at;
      this.#timers.delete(next);
      next.run();
    }
    this.#elapsed = end;
  }
}

const request = (id: string): Request => ({ id }) as Request;

function open(): { waiting: Waiting; clock: Hand; due: string[] } {
  const clock = new Hand();
  const due: string[] = [];
  return { waiting: new Waiting(({ id }) => void due.push(id), clock), clock, due };
}

describe("waiting for the time", () => {
  it("lets go in the order of the moments, those of one moment in the order in which they came", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (moments) => {
        const { waiting, clock, due } = open();
        for (const [n, at] of moments.entries()) waiting.add(request(`${at}/${n}`), at);
        const expected = moments.map((at, n) => ({ at, n })).sort((a, b) => a.at - b.at || a.n - b.n);
        clock.pass(20);
        assert.deepEqual(
          due,
          expected.map(({ at, n }) => `${at}/${n}`),
        );
        assert.equal(waiting.size + clock.timers, 0);
      }),
      { numRuns: 100 },
    );
  });

  it("lets go at the moment, not before, also of one that came later and is due earlier", () => {
    const { waiting, clock, due } = open();
    waiting.add(request("late"), 90_000);
    waiting.add(request("early"), 300);
    clock.pass(299);
    assert.deepEqual(due, []);
    clock.pass(1);
    assert.deepEqual(due, ["early"]);
    clock.pass(89_699);
    assert.deepEqual(due, ["early"]);
    clock.pass(1);
    assert.deepEqual(due, ["early", "late"]);
  });

  it("sees within a second that the clock was set forward, and waits longer when it was set back", () => {
    const { waiting, clock, due } = open();
    waiting.add(request("hour"), 3_600_000);
    clock.pass(10_000);
    clock.set(3_600_000);
    clock.pass(1000);
    assert.deepEqual(due, ["hour"]);

    const back = open();
    back.waiting.add(request("minute"), 60_000);
    back.clock.pass(59_900);
    back.clock.set(-30_000);
    back.clock.pass(30_000);
    assert.deepEqual(back.due, []);
    back.clock.pass(101);
    assert.deepEqual(back.due, ["minute"]);
  });

  it("keeps what is centuries away, with one timer for all", () => {
    const { waiting, clock, due } = open();
    for (let n = 0; n < 1000; n++) waiting.add(request(`${n}`), Date.UTC(9999, 11, 31) - n);
    clock.pass(60_000);
    assert.deepEqual([due.length, waiting.size, clock.timers], [0, 1000, 1]);
  });

  it("gives all of them back in the order in which they came", () => {
    const { waiting, clock, due } = open();
    for (const at of [5, 3, 9, 3, 1]) waiting.add(request(String(at)), at);
    assert.deepEqual(
      waiting.clear().map(({ id }) => id),
      ["5", "3", "9", "3", "1"],
    );
    clock.pass(100);
    assert.deepEqual([due.length, clock.timers], [0, 0]);
    waiting.add(request("next"), 200);
    clock.pass(100);
    assert.deepEqual(due, ["next"]);
  });
});
