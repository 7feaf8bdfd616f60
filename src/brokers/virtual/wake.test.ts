import assert from "node:assert/strict";
import { backoff } from "./backoff.js";
import { Wake } from "./wake.js";

describe("wake", () => {
  it("remembers a ring and a failure, once each", async () => {
    const wake = new Wake();
    wake.ring();
    await wake.wait();
    wake.fail(new Error("lost"));
    await assert.rejects(wake.wait(), /lost/);
    await wake.wait(1);
  });
  it("wakes the one who waits", async () => {
    const wake = new Wake();
    const waiting = wake.wait();
    wake.ring();
    await waiting;
    const failing = wake.wait(10_000);
    wake.fail(new Error("lost"));
    await assert.rejects(failing, /lost/);
  });
  it("forgets a ring at reset, and a failure at clear", async () => {
    const wake = new Wake();
    wake.ring();
    wake.fail(new Error("lost"));
    wake.reset();
    await assert.rejects(wake.wait(), /lost/);
    wake.fail(new Error("lost"));
    wake.clear();
    await wake.wait(1);
  });
});

describe("backoff", () => {
  it("is quick once, then Celery's series", () => {
    const delay = backoff({});
    assert.deepEqual([1, 2, 3, 4, 100].map(delay), [200, 2000, 4000, 6000, 30_000]);
    const own = backoff({ interval_start: 0, interval_step: 0.5, interval_max: 1 });
    assert.deepEqual([1, 2, 3, 4, 5].map(own), [0, 0, 500, 1000, 1000]);
  });
  it("refuses what is no number of seconds", () => {
    assert.throws(() => backoff({ interval_step: "1" }), /interval_step.*"1".*seconds/);
  });
});
