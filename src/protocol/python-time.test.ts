import assert from "node:assert/strict";
import { pythonTime } from "./iso-time.js";

describe("the time that an event shows", () => {
  for (const [text, shown] of [
    ["2026-01-02T03:04:05", "2026-01-02T03:04:05+00:00"],
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"],
    ["2026-01-02T03:04:05.5-01:00", "2026-01-02T03:04:05.500000-01:00"],
    ["2026-01-02T03:04:05.000001+05:30", "2026-01-02T03:04:05.000001+05:30"],
    ["20260102T030405", "2026-01-02T03:04:05+00:00"],
  ] as const)
    it(`is Python's form of ${text}`, () => assert.equal(pythonTime(text), shown));
});
