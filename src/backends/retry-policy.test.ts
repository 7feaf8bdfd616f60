import assert from "node:assert/strict";
import { ImproperlyConfigured, OperationalError } from "../errors.js";
import { monotonic } from "../util/time.js";
import { again, retrying, retryPolicy } from "./retry-policy.js";

const never = new AbortController().signal;
const failing =
  (times: number, retriable = true): (() => Promise<string>) =>
  async () => {
    if (times-- > 0) throw new OperationalError("down", { retriable });
    return "up";
  };

describe("retry policy", () => {
  it("is Celery's when nothing is said", () => {
    const celery = { maxRetries: 20, intervalStart: 0, intervalStep: 1, intervalMax: 1, timeout: null };
    assert.deepEqual(retryPolicy(undefined), celery);
    assert.deepEqual(retryPolicy({ max_retries: null, timeout: 3 }), { ...celery, maxRetries: null, timeout: 3 });
  });

  it("unknown keys and values that are no numbers are refused", () => {
    for (const bad of [{ retries: 1 }, { max_retries: "1" }, { interval_step: -1 }, { interval_max: null }, 5])
      assert.throws(() => retryPolicy(bad), ImproperlyConfigured);
  });

  it("waits longer each time, up to the limit, and tells of each retry", async () => {
    const policy = retryPolicy({ max_retries: 4, interval_start: 0, interval_step: 0.02, interval_max: 0.04 });
    const retries: number[] = [];
    const start = monotonic();
    assert.equal(await retrying(policy, never, failing(4), (_error, retry) => retries.push(retry)), "up");
    assert.deepEqual(retries, [1, 2, 3, 4]);
    // 0 + 20 + 40 + 40 ms
    assert.ok(monotonic() - start >= 95);
  });

  it("gives up after its retries or its time, at once for what cannot work, and when it is aborted", async () => {
    const none = (): void => undefined;
    const fast = retryPolicy({ max_retries: 2, interval_max: 0 });
    await assert.rejects(retrying(fast, never, failing(3), none), OperationalError);
    const timed = retryPolicy({ max_retries: null, interval_start: 0.03, interval_max: 0, timeout: 0.1 });
    await assert.rejects(retrying(timed, never, failing(1000), none), OperationalError);
    let attempts = 0;
    const counted = failing(9, false);
    await assert.rejects(
      retrying(fast, never, () => (attempts++, counted()), none),
      OperationalError,
    );
    assert.equal(attempts, 1);
    const control = new AbortController();
    const slow = retrying(retryPolicy({ interval_start: 60 }), control.signal, failing(9), () => control.abort());
    await assert.rejects(slow, OperationalError);
  });

  it("again: once more, and only when that makes sense", async () => {
    assert.equal(await again(failing(1)), "up");
    await assert.rejects(again(failing(2)), OperationalError);
    await assert.rejects(again(failing(1, false)), OperationalError);
  });
});
