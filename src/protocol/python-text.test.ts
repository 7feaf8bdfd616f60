import assert from "node:assert/strict";
import { exactRepr, exactStr, tupleRepr } from "./python-text.js";
import { DateTime, Decimal, Float, Uuid } from "./values.js";

describe("Python texts", () => {
  // repr() of Python 3.11.
  const reprs: readonly [value: unknown, repr: string][] = [
    ["it's", `"it's"`],
    [`it's "x"`, `'it\\'s "x"'`],
    ["a\\b\n\r\t", "'a\\\\b\\n\\r\\t'"],
    ["\0\x7f\x85\xa0\xad", "'\\x00\\x7f\\x85\\xa0\\xad'"],
    ["\u200b\u2028\u3000\ud800", "'\\u200b\\u2028\\u3000\\ud800'"],
    ["é日😀\u{e0001}", "'é日😀\\U000e0001'"],
    [1e16, "1e+16"],
    [new Float(1), "1.0"],
    [2n ** 70n, "1180591620717411303424"],
    [[null, true, undefined], "[None, True, None]"],
    [{ a: [1.5] }, "{'a': [1.5]}"],
    [new Map([[1, "x"]]), "{1: 'x'}"],
    [new Set(), "set()"],
    [new Set([1]), "{1}"],
    [Uint8Array.of(0x61, 0x27, 0xff, 0x0a), `b"a'\\xff\\n"`],
    [new Decimal("1.10"), "Decimal('1.10')"],
    [new Uuid("0f6e0000-0000-4000-8000-000000000001"), "UUID('0f6e0000-0000-4000-8000-000000000001')"],
  ];
  for (const [value, repr] of reprs) it(`repr ${repr}`, () => assert.equal(exactRepr(value), repr));

  it("str of texts, dates and the like is their own", () => {
    assert.equal(exactStr("a'b\n"), "a'b\n");
    assert.equal(exactStr(new DateTime("2026-01-02T03:04:05.5+00:00")), "2026-01-02 03:04:05.500000+00:00");
    assert.equal(exactStr(new Decimal("1.10")), "1.10");
    assert.equal(exactStr([1]), "[1]");
  });

  it("tuples", () => {
    assert.deepEqual([[], [1], [1, "a"]].map(tupleRepr), ["()", "(1,)", "(1, 'a')"]);
  });

  it("end somewhere for values that contain themselves", () => {
    const circular: unknown[] = [];
    circular.push(circular, circular);
    assert.ok(exactRepr(circular).includes("..."));
  });
});
