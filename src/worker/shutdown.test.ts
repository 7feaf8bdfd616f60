import assert from "node:assert/strict";
import { Ladder } from "./shutdown.js";

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("the ladder of a shutdown", () => {
  it("keeps no program alive for a deadline once it is over", () => {
    const before = timers();
    const ladder = new Ladder();
    ladder.ask({ timeout: 60 });
    assert.equal(timers(), before + 1);
    ladder.end();
    ladder.ask({ timeout: 60 });
    assert.equal(timers(), before);
  });
});
