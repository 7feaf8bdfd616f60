import assert from "node:assert/strict";
import fc from "fast-check";
import { fromWallClock, wallClock } from "./dates.js";

const moment = Date.parse("2026-11-20T15:48:29.687Z");

describe("dates in columns", () => {
  it("are SQLAlchemy's text of the application's wall clock, with six digits", () => {
    assert.equal(wallClock(moment, "UTC"), "2026-11-20 15:48:29.687000");
    assert.equal(wallClock(moment, "Europe/Paris"), "2026-11-20 16:48:29.687000");
    assert.equal(wallClock(moment - 687, "UTC"), "2026-11-20 15:48:29.000000");
  });

  it("come back with the offset of the zone", () => {
    assert.equal(fromWallClock("2026-11-20 16:48:29.687293", "Europe/Paris"), "2026-11-20T16:48:29.687293+01:00");
    assert.equal(fromWallClock("2026-07-20 16:48:29", "Europe/Paris"), "2026-07-20T16:48:29+02:00");
    assert.equal(fromWallClock("2026-11-20T16:48:29", "UTC"), "2026-11-20T16:48:29+00:00");
    assert.equal(fromWallClock("0000-00-00 00:00:00.000000", "UTC"), null);
    assert.equal(fromWallClock("soon", "UTC"), null);
  });

  it("any moment in UTC survives", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1970-01-01"), max: new Date("2200-01-01"), noInvalidDate: true }),
        (date) => {
          assert.equal(Date.parse(fromWallClock(wallClock(date.getTime(), "UTC"), "UTC") ?? ""), date.getTime());
        },
      ),
      { numRuns: 100 },
    );
  });
});
