import assert from "node:assert/strict";
import { EncodeError } from "../errors.js";
import { pyFloat, pyNumber } from "./python-number.js";
import { DateTime, Decimal, Float, PlainDate, PlainTime, pythonIso, Uuid } from "./values.js";

describe("DateTime", () => {
  const moments: [string, string, number, number | null][] = [
    // text, the moment in UTC, microseconds, offset
    ["2026-01-02T03:04:05", "2026-01-02T03:04:05.000Z", 0, null],
    ["2026-01-02T03:04:05.678901", "2026-01-02T03:04:05.678Z", 678901, null],
    ["2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z", 678000, 0],
    ["2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05.000Z", 0, 19800],
    ["2026-01-02 03:04:05-0330", "2026-01-02T06:34:05.000Z", 0, -12600],
    ["2026-01-02T03:04-05", "2026-01-02T08:04:00.000Z", 0, -18000],
    ["2026-01-02", "2026-01-02T00:00:00.000Z", 0, null],
    ["0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00.000Z", 0, 0],
    ["9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59.999Z", 999999, 0],
    ["1883-11-18T12:00:00-04:56:02", "1883-11-18T16:56:02.000Z", 0, -17762],
    ["2024-02-29T00:00:00", "2024-02-29T00:00:00.000Z", 0, null],
  ];
  for (const [text, utc, microsecond, offset] of moments)
    it(text, () => {
      const value = new DateTime(text);
      assert.equal(value.toISOString(), utc);
      assert.equal(value.iso, text);
      assert.equal(value.microsecond, microsecond);
      assert.equal(value.offset, offset);
      assert.ok(value instanceof Date);
    });

  const bad = ["", "yesterday", "2026-02-29", "2026-13-01", "2026-00-10", "2026-01-32", "0000-01-01"];
  for (const text of [
    ...bad,
    "2026-01-02T24:00",
    "2026-01-02T03:60",
    "2026-01-02T03:04:60",
    "2026-01-02T03:04:05+24:00",
  ])
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => new DateTime(text), EncodeError));

  it("is written as Python's isoformat", () => {
    const texts: [Date, string][] = [
      [new Date(0), "1970-01-01T00:00:00+00:00"],
      [new Date(1), "1970-01-01T00:00:00.001000+00:00"],
      [new DateTime("2026-01-02T03:04Z"), "2026-01-02T03:04:00+00:00"],
      [new DateTime("2026-01-02 03:04:05,5-0330"), "2026-01-02T03:04:05.500000-03:30"],
      [new DateTime("2026-01-02"), "2026-01-02T00:00:00"],
      [new DateTime("1883-11-18T12:00:00-04:56:02"), "1883-11-18T12:00:00-04:56:02"],
    ];
    for (const [value, text] of texts) assert.equal(pythonIso(value), text);
  });
});

describe("the other values", () => {
  it("keep their text", () => {
    assert.equal(String(new Decimal("1.10")), "1.10");
    for (const text of ["-0E-10", "NaN", "sNaN12", "-Infinity", "1E+5", ".5", "5."])
      assert.equal(new Decimal(text).value, text);
    assert.equal(String(new PlainDate("2026-01-02")), "2026-01-02");
    assert.equal(String(new PlainTime("03:04:05.5+01:00")), "03:04:05.5+01:00");
    assert.equal(
      String(new Uuid("{123E4567e89b12d3a456426614174000".slice(1))),
      "123e4567-e89b-12d3-a456-426614174000",
    );
    assert.equal(new Float(1).valueOf() + 1, 2);
    assert.equal(
      JSON.stringify([new Decimal("1.10"), new PlainDate("2026-01-02"), new Float(2)]),
      '["1.10","2026-01-02",2]',
    );
  });

  it("refuse what Python could not hold", () => {
    const wrong = [
      () => new Decimal("1,1"),
      () => new Decimal(""),
      () => new PlainDate("2026-02-30"),
      () => new PlainDate("2026-01-02T00:00"),
      () => new PlainTime("25:00"),
      () => new PlainTime("03"),
      () => new Uuid("123"),
    ];
    for (const make of wrong) assert.throws(make, EncodeError);
  });
});

describe("Python's numbers", () => {
  // repr() of the same doubles by CPython; 500,000 random ones were compared when this was written.
  const floats: [number, string][] = [
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [0.1, "0.1"],
    [1e-4, "0.0001"],
    [0.00001234, "1.234e-05"],
    [9999999999999998, "9999999999999998.0"],
    [1e16, "1e+16"],
    [123456789012345680, "1.2345678901234568e+17"],
    [1e22, "1e+22"],
    [1e100, "1e+100"],
    [5e-324, "5e-324"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [NaN, "nan"],
    [-Infinity, "-inf"],
  ];
  for (const [value, text] of floats) it(`repr(${text})`, () => assert.equal(pyFloat(value), text));

  it("are ints where they are safe integers", () => {
    assert.deepEqual([1, -5, 0, 2 ** 53 - 1].map(pyNumber), ["1", "-5", "0", "9007199254740991"]);
    assert.deepEqual([-0, 2 ** 53, 1.5].map(pyNumber), ["-0.0", "9007199254740992.0", "1.5"]);
  });
});
