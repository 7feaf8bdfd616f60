import assert from "node:assert/strict";
import { deferred } from "./deferred.js";
import { KeyedLock } from "./keyed-lock.js";

describe("KeyedLock", () => {
  it("runs the same key in order, other keys meanwhile, and goes on after a failure", async () => {
    const lock = new KeyedLock();
    const log: string[] = [];
    const gate = deferred();
    const first = lock.run("a", async () => {
      await gate.promise;
      log.push("a1");
      throw new Error("failed");
    });
    const second = lock.run("a", async () => void log.push("a2"));
    await lock.run("b", async () => void log.push("b"));
    assert.deepEqual(log, ["b"]);
    gate.resolve();
    await assert.rejects(first, /failed/);
    await second;
    assert.deepEqual(log, ["b", "a1", "a2"]);
    assert.equal(await lock.run("a", async () => 3), 3);
  });
});
