import assert from "node:assert/strict";
import fc from "fast-check";
import { Fifo } from "./fifo.js";

describe("fifo", () => {
  it("is an array with push and shift", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 100 }), (steps) => {
        const fifo = new Fifo<number>();
        const array: number[] = [];
        steps.forEach((step, n) => {
          if (step < 0) assert.equal(fifo.shift(), array.shift());
          else if (step === 0 && n % 7 === 0) assert.deepEqual(fifo.clear(), array.splice(0));
          else {
            fifo.push(n);
            array.push(n);
          }
          assert.equal(fifo.size, array.length);
          assert.deepEqual([...fifo], array);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("takes the first of many as fast as of few", () => {
    const fifo = new Fifo<number>();
    for (let n = 0; n < 300_000; n++) fifo.push(n);
    // With an array's shift() this takes minutes.
    for (let n = 0; n < 300_000; n++) assert.ok(fifo.shift() === n);
    assert.equal(fifo.shift(), undefined);
  });
});
