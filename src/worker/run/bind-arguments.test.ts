import assert from "node:assert/strict";
import { bindArguments } from "./bind-arguments.js";

const bind = (params: string[] | undefined, args: unknown[], kwargs: Record<string, unknown>) =>
  bindArguments("t", params, args, kwargs);

describe("binding keyword arguments", () => {
  it("puts keywords where params say, and leaves gaps undefined for the handler's defaults", () => {
    assert.deepEqual(bind(["a", "b"], [1], { b: 2 }), [1, 2]);
    assert.deepEqual(bind(["a", "b", "c"], [], { c: 3, a: 1 }), [1, undefined, 3]);
    const handler = (a: number, b = 10, c = 100) => a + b + c;
    assert.equal(handler(...(bind(["a", "b", "c"], [], { c: 3, a: 1 }) as [number])), 14);
  });

  it("passes positional arguments through without params", () => {
    assert.deepEqual(bind(undefined, [1, 2, 3], {}), [1, 2, 3]);
  });

  it("never hands keywords over as one last positional argument (a defect of others)", () => {
    assert.throws(() => bind(undefined, [1], { b: 2 }), /keyword argument 'b'.*params/);
  });

  it("fails wrong calls as Python would", () => {
    assert.throws(() => bind(["a"], [], { z: 1 }), /unexpected keyword argument 'z'/);
    assert.throws(() => bind(["a"], [1], { a: 1 }), /multiple values for argument 'a'/);
    assert.throws(() => bind(["a"], [1, 2], {}), /takes 1 arguments but 2 were given/);
    assert.throws(() => bind(["a"], [], { __proto__x: 1 }), TypeError);
  });
});
