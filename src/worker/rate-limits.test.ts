import assert from "node:assert/strict";
import { RateLimits } from "./rate-limits.js";
import type { Request } from "./request.js";
import { until } from "../testing/harness.js";

const request = (name: string, rateLimit?: string | number | null): Request =>
  ({ name, definition: { options: rateLimit === undefined ? {} : { rateLimit } } }) as unknown as Request;

interface Options {
  readonly byDefault?: string | number | null;
  readonly disabled?: boolean;
}

function make({ byDefault = null, disabled = false }: Options = {}): { limits: RateLimits; ready: Request[] } {
  const ready: Request[] = [];
  return { limits: new RateLimits({ byDefault, disabled }, (one) => ready.push(one)), ready };
}

describe("rate limits", () => {
  it("lets one run at once, then as many as the rate says, in order", async () => {
    const { limits, ready } = make();
    const all = Array.from({ length: 6 }, () => request("a", "100/s"));
    const started = performance.now();
    for (const one of all) limits.pass(one);
    assert.deepEqual(ready, all.slice(0, 1), "room for one token");
    limits.pass(request("b"));
    assert.equal(ready.at(-1)?.name, "b", "other tasks are not held");
    await until("the next step", () => ready.length === 7);
    assert.ok(performance.now() - started >= 48, "five more at 100 a second");
    assert.deepEqual(
      ready.filter(({ name }) => name === "a"),
      all,
    );
  });

  it("takes the default for tasks without a limit; 0 is none, and they can be switched off", () => {
    for (const [options, own, held] of [
      [{ byDefault: "1/h" }, undefined, true],
      [{ byDefault: "1/h" }, null, true],
      [{ byDefault: "1/h" }, 0, false],
      [{}, "1/h", true],
      [{}, 0.001, true],
      [{ disabled: true, byDefault: "1/h" }, "1/h", false],
    ] as const) {
      const { limits, ready } = make(options);
      for (let n = 0; n < 3; n++) limits.pass(request("a", own));
      assert.equal(ready.length, held ? 1 : 3, JSON.stringify([options, own]));
      assert.equal([...limits.waiting()].length, held ? 2 : 0);
      limits.clear();
    }
  });

  it("changes the limit of those that wait too", async () => {
    const { limits, ready } = make();
    const all = Array.from({ length: 5 }, () => request("a", "1/h"));
    for (const one of all) limits.pass(one);
    assert.equal(ready.length, 1);
    limits.set("a", 100);
    await until("the next step", () => ready.length >= 3);
    limits.set("a", 1 / 3600);
    const before = ready.length;
    limits.set("a", null);
    assert.ok(before < 5);
    assert.deepEqual(ready, all, "no limit: all at once, in order");
    limits.set("a", 1 / 3600);
    for (let n = 0; n < 3; n++) limits.pass(request("a"));
    assert.ok(ready.length <= 6);
    assert.ok(limits.clear().length >= 2);
  });

  it("releases a long queue without moving what waits", () => {
    const { limits, ready } = make();
    for (let n = 0; n < 200_000; n++) limits.pass(request("a", "1/h"));
    const started = performance.now();
    limits.set("a", null);
    assert.equal(ready.length, 200_000);
    assert.ok(performance.now() - started < 2000);
  });
});
