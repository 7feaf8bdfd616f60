import assert from "node:assert/strict";
import fc from "fast-check";
import { ImproperlyConfigured } from "../../errors.js";
import { checkName, claimedName, claimName, messageName, queueOf } from "./names.js";

describe("names of message files", () => {
  it("are kombu's, and sort in the order of sending", () => {
    const names = Array.from({ length: 1000 }, () => messageName("celery"));
    assert.match(names[0] ?? "", /^\d+_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\.celery\.msg$/);
    assert.deepEqual(names.toSorted(), names);
  });

  it("tell the queue, also one with dots, and nothing of other files", () => {
    assert.equal(queueOf("12_ab.x.celery.msg"), "x.celery");
    for (const other of [
      ".tmp",
      "README",
      ".celery.msg",
      "12_ab.msg",
      "12_ab.celery.msg.bak",
      claimName("1_a.q.msg", "c"),
    ])
      assert.equal(queueOf(other), undefined, other);
  });

  it("come back from their claims, which kombu does not see", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (queue) => {
        fc.pre(!/[/\\\0.]/.test(queue) && Buffer.from(queue).toString() === queue);
        const name = `123_0000-ab.${queue}.msg`;
        const claim = claimName(name, "0000-me");
        assert.equal(claimedName(claim), name);
        assert.ok(!claim.includes(`.${queue}.msg`));
        assert.equal(claimedName(name), undefined);
      }),
      { numRuns: 200 },
    );
  });

  it("refuse what cannot be part of a file name", () => {
    for (const name of ["", "a/b", "..\\x", "nul\0", "x".repeat(97)])
      assert.throws(() => checkName("queue", name), ImproperlyConfigured);
    checkName("queue", "ключ ü*?");
  });
});
