import assert from "node:assert/strict";
import fc from "fast-check";
import { Fifo } from "./fifo.js";

describe("amqp fifo", () => {
  it("behaves as a list of which the front is taken", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant("push" as const) },
      { weight: 2, arbitrary: fc.constant("shift" as const) },
      { weight: 1, arbitrary: fc.nat(50) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<{ n: number }>();
        const model: { n: number }[] = [];
        for (const [n, what] of steps.entries()) {
          if (what === "push") {
            const item = { n };
            fifo.push(item);
            model.push(item);
          } else if (what === "shift") assert.equal(fifo.shift(), model.shift());
          else if (model.length > 0) fifo.remove(model.splice(what % model.length, 1)[0] as { n: number });
          assert.equal(fifo.size, model.length);
        }
        assert.deepEqual(fifo.drain(), model);
        assert.equal(fifo.size, 0);
      }),
      { numRuns: 200 },
    );
  });

  it("stays cheap with many inside", () => {
    const fifo = new Fifo<{ n: number }>();
    for (let n = 0; n < 200_000; n++) fifo.push({ n });
    for (let n = 0; n < 200_000; n++) assert.equal(fifo.shift()?.n, n);
  });
});
