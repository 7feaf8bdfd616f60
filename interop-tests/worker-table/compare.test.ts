import assert from "node:assert/strict";
import { compare } from "./compare.js";
import type { Difference } from "./row.js";
import type { Sighting } from "./sighting.js";

const seen: Sighting = { documents: ["SUCCESS"], events: ["received", "started"], next: [], settled: "gone", left: [] };
const retriedFirst: Difference = {
  line: "RETRY is stored before the next attempt is sent",
  ours: (python) => ({ ...python, events: python.events.map((event) => event.replace("started", "retried")) }),
};

describe("The comparison of two workers", () => {
  it("shows the lines that only one has", () => {
    const ours = { ...seen, events: ["received", "failed"] };
    assert.throws(() => compare(seen, ours, [], "redis"), /events:\n {4}received\n {2}- started\n {2}\+ failed/);
  });

  it("takes a difference that docs/differences.md names", () =>
    compare(seen, { ...seen, events: ["received", "retried"] }, [retriedFirst], "redis"));

  it("fails when a named difference has vanished, or stands nowhere", () => {
    assert.throws(() => compare(seen, seen, [retriedFirst], "redis"), /differs/);
    const none = { ...seen, events: [] };
    assert.throws(() => compare(none, none, [retriedFirst], "redis"), /there is no such difference any more/);
    const unnamed = { ...retriedFirst, line: "Nobody wrote this down" };
    assert.throws(() => compare(seen, seen, [unnamed], "redis"), /has no line that begins with/);
  });

  it("sees an order, a message left behind, and how it was settled", () => {
    for (const changes of [{ events: ["started", "received"] }, { left: ["unacknowledged"] }])
      assert.throws(() => compare(seen, { ...seen, ...changes }, [], "redis"), /differs from Python/);
    const python = { ...seen, settled: "acknowledged" as const };
    assert.throws(() => compare(python, { ...python, settled: "rejected" }, [], "amqp"), /settled/);
  });
});
