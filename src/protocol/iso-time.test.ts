import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError, EncodeError, ImproperlyConfigured } from "../errors.js";
import { hasOffset, isoTime, parseIsoTime } from "./iso-time.js";

describe("ISO times", () => {
  // Readings of dateutil's isoparse, naive ones as UTC.
  const readings: readonly [text: string, same: string][] = [
    ["2026-11-20T15:52:33.333320+00:00", "2026-11-20T15:52:33.333320+00:00"],
    ["2026-11-20T15:52:33Z", "2026-11-20T15:52:33+00:00"],
    ["2026-11-20", "2026-11-20T00:00:00+00:00"],
    ["2026-11", "2026-11-01T00:00:00+00:00"],
    ["2026", "2026-01-01T00:00:00+00:00"],
    ["20261120T155233Z", "2026-11-20T15:52:33+00:00"],
    ["2026-11-20T15", "2026-11-20T15:00:00+00:00"],
    ["2026-11-20T1552", "2026-11-20T15:52:00+00:00"],
    ["2026-11-20 15:52:33,5", "2026-11-20T15:52:33.500000+00:00"],
    ["2026-11-20T15:52:33.1234567", "2026-11-20T15:52:33.123456+00:00"],
    ["2026-11-20T15:52:33+05:30", "2026-11-20T10:22:33+00:00"],
    ["2026-11-20T15:52:33-0800", "2026-11-20T23:52:33+00:00"],
    ["0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00"],
    ["1969-12-31T23:59:59.999999+00:00", "1969-12-31T23:59:59.999999+00:00"],
  ];
  for (const [text, same] of readings) it(`reads ${text}`, () => assert.equal(isoTime(parseIsoTime(text)), same));

  for (const text of ["", "x", "2026-02-30", "2026-13-01", "2026-11-20T25:00", "2026-11-20T15:52:60", "202611", "5"])
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseIsoTime(text), DecodeError));

  it("reads what it writes to the microsecond", () => {
    const moment = fc.integer({ min: -1e15, max: 4e15 }).map((micros) => micros / 1000);
    fc.assert(
      fc.property(moment, (ms) => assert.ok(Math.abs(parseIsoTime(isoTime(ms)) - ms) < 0.001)),
      { numRuns: 200 },
    );
  });

  it("writes in a zone and reads naive texts in it, over both changes of the clock", () => {
    assert.equal(isoTime(Date.UTC(2026, 6, 1, 12), "Europe/Paris"), "2026-07-01T14:00:00+02:00");
    assert.equal(isoTime(Date.UTC(2026, 11, 1, 12), "America/New_York"), "2026-12-01T07:00:00-05:00");
    assert.equal(isoTime(Date.UTC(2026, 0, 1), "Asia/Kolkata"), "2026-01-01T05:30:00+05:30");
    assert.equal(parseIsoTime("2026-07-01T14:00:00", "Europe/Paris"), Date.UTC(2026, 6, 1, 12));
    assert.equal(parseIsoTime("2026-03-29T03:30:00", "Europe/Paris"), Date.UTC(2026, 2, 29, 1, 30));
    assert.equal(parseIsoTime("2026-10-25T01:30:00", "Europe/Paris"), Date.UTC(2026, 9, 24, 23, 30));
    assert.equal(parseIsoTime("2026-07-01T14:00:00Z", "Europe/Paris"), Date.UTC(2026, 6, 1, 14));
    assert.throws(() => parseIsoTime("2026-07-01T14:00:00", "Mars/Phobos"), ImproperlyConfigured);
  });

  it("knows which texts have an offset", () => {
    for (const text of ["2026-01-01T00:00Z", "2026-01-01T00:00:00.5+01:00", "2026-01-01 00:00-0800"])
      assert.equal(hasOffset(text), true, text);
    for (const text of ["2026-01-01", "2026-01-01T00:00:00.5"]) assert.equal(hasOffset(text), false, text);
  });

  it("pitfall 6: writes +00:00 and six digits of fraction or none, never Z", () => {
    assert.equal(isoTime(Date.UTC(2026, 0, 2, 3, 4, 5)), "2026-01-02T03:04:05+00:00");
    assert.equal(isoTime(Date.UTC(2026, 0, 2, 3, 4, 5, 60)), "2026-01-02T03:04:05.060000+00:00");
  });

  it("refuses to write what Python could not read", () => {
    assert.throws(() => isoTime(NaN), EncodeError);
    assert.throws(() => isoTime(Date.UTC(10000, 0, 1)), EncodeError);
  });
});
