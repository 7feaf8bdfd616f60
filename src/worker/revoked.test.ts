import assert from "node:assert/strict";
import { RevokedTasks } from "./revoked.js";

const stamped = (stamps: Readonly<Record<string, unknown>>): Parameters<RevokedTasks["hasStamp"]>[0] => ({
  stampedHeaders: Object.keys(stamps),
  stamps,
});

describe("revoked tasks", () => {
  it("keeps the newest ids up to the limit; adding one again makes it the newest", () => {
    const revoked = new RevokedTasks({ max: 3 });
    for (const id of ["a", "b", "c", "a", "d"]) revoked.add(id);
    assert.deepEqual(revoked.ids(), ["c", "a", "d"]);
    assert.equal(revoked.has("b"), false);
  });

  it("forgets old ids only when the limit is reached (Celery's LimitedSet)", () => {
    const revoked = new RevokedTasks({ max: 3, expires: 60 });
    revoked.merge([
      ["old", 59_000],
      ["older", 50_000],
    ]);
    assert.deepEqual(revoked.ids(), ["old", "older"]);
    const expired = new RevokedTasks({ max: 3, expires: 0.001 });
    for (const id of ["a", "b"]) expired.add(id);
    for (const end = performance.now() + 2; performance.now() < end;);
    assert.deepEqual(expired.ids(), ["a", "b"], "nobody has looked at their ages yet");
    expired.add("c");
    assert.deepEqual(expired.ids(), ["c"]);
  });

  it("has no limit with 0", () => {
    const revoked = new RevokedTasks({ max: 0, expires: 0 });
    for (let n = 0; n < 60_000; n++) revoked.add(String(n));
    assert.equal(revoked.size, 60_000);
  });

  it("merges what an earlier run left by age, without the expired ones, and keeps what it knows", () => {
    const revoked = new RevokedTasks({ max: 3, expires: 60 });
    revoked.add("new");
    revoked.merge([
      ["gone", 61_000],
      ["oldest", 30_000],
      ["old", 20_000],
      ["new", 50_000],
      ["future", -5],
    ]);
    assert.deepEqual(revoked.ids(), ["old", "new", "future"]);
  });

  it("tells of new ids only", () => {
    const revoked = new RevokedTasks();
    let changes = 0;
    revoked.onChange = () => changes++;
    for (const id of ["a", "a", "b"]) revoked.add(id);
    assert.equal(changes, 2);
  });

  it("finds stamps: values and lists on both sides", () => {
    const revoked = new RevokedTasks();
    revoked.addStamp("visit", ["a", "b"]);
    revoked.addStamp("number", [1, [1, 2]]);
    for (const stamps of [{ visit: "a" }, { visit: ["x", "b"] }, { other: 1, visit: "b" }, { number: 1 }])
      assert.ok(revoked.hasStamp(stamped(stamps)), JSON.stringify(stamps));
    assert.ok(revoked.hasStamp(stamped({ number: [[1, 2]] })), "equal lists, as in Python");
    for (const stamps of [{ visit: "c" }, { visit: [] }, { visit: null }, { other: "a" }, { number: "1" }])
      assert.ok(!revoked.hasStamp(stamped(stamps)), JSON.stringify(stamps));
    assert.ok(!revoked.hasStamp(stamped({ number: [[2n ** 60n]] })), "integers beyond what JSON can write here");
    assert.ok(!revoked.hasStamp({ stampedHeaders: null, stamps: { visit: "a" } }), "only headers said to be stamps");
    assert.ok(!revoked.hasStamp({ stampedHeaders: ["visit"], stamps: {} }));
  });

  it("remembers a limited number of values of a stamp", () => {
    const revoked = new RevokedTasks({ max: 2 });
    revoked.addStamp("s", [1, 2, 3]);
    assert.deepEqual(
      [1, 2, 3].map((value) => revoked.hasStamp(stamped({ s: value }))),
      [false, true, true],
    );
  });
});
