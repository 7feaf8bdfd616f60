import assert from "node:assert/strict";
import { Gate } from "./gate.js";

describe("a gate", () => {
  it("lets so many in at once, the others in their order, whatever becomes of those inside", async () => {
    const gate = new Gate(3);
    const order: number[] = [];
    let inside = 0;
    let most = 0;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        gate.run(async () => {
          order.push(index);
          most = Math.max(most, ++inside);
          await new Promise<void>((resolve) => void setImmediate(resolve));
          inside--;
          if (index % 4 === 0) throw new Error("one of them");
          return index;
        }),
      ),
    );
    assert.equal(most, 3);
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, index) => index),
    );
    assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 5);
    assert.equal(await gate.run(() => Promise.resolve("free again")), "free again");
  });
});
