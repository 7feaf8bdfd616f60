import assert from "node:assert/strict";
import { PushBatch } from "./push-batch.js";

describe("push batch", () => {
  it("sends one turn's texts in one push per list, in order and within its limits", async () => {
    const pushed: [string, number, string | undefined][] = [];
    const batch = new PushBatch(async (key, texts) => pushed.push([key, texts.length, texts[0]]));
    await Promise.all(Array.from({ length: 300 }, (_, n) => batch.add(n % 2 ? "odd" : "even", `n${n}`)));
    assert.deepEqual(pushed, [
      ["even", 128, "n0"],
      ["odd", 128, "n1"],
      ["even", 22, "n256"],
      ["odd", 22, "n257"],
    ]);
    await batch.add("a", "x");
    assert.equal(pushed.length, 5);
  });

  it("does not gather large texts", async () => {
    const sizes: number[] = [];
    const batch = new PushBatch(async (_key, texts) => sizes.push(texts.length));
    const large = "x".repeat(700_000);
    await Promise.all([batch.add("a", large), batch.add("a", large), batch.add("a", "small")]);
    assert.deepEqual(sizes, [1, 2]);
  });

  it("tells everybody in a push that failed, and nobody else", async () => {
    const failure = new Error("no");
    const batch = new PushBatch((key) => (key === "bad" ? Promise.reject(failure) : Promise.resolve()));
    const results = await Promise.allSettled([batch.add("bad", "1"), batch.add("good", "2"), batch.add("bad", "3")]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["rejected", "fulfilled", "rejected"],
    );
  });
});
