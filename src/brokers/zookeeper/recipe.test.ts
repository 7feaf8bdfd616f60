import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { entryPrefix, isEntry, maxData, Paths, prefixOf } from "./recipe.js";

describe("ZooKeeper queue recipe", () => {
  it("puts queues directly under the virtual host, or under the root", () => {
    assert.equal(new Paths("").queue("celery"), "/celery");
    assert.equal(new Paths("proj").queue("celery"), "/proj/celery");
    assert.equal(new Paths("a/b").queue("x/y z"), "/a/b/x/y z");
  });

  it("refuses what cannot be a path, naming it", () => {
    const refuses = (path: () => unknown, pattern: RegExp): void =>
      assert.throws(path, (error) => error instanceof ImproperlyConfigured && pattern.test(error.message));
    for (const name of ["", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/..", "a\nb", "\0", "\u0085", "\u{1F955}"])
      refuses(() => new Paths("vh").queue(name), /cannot have the queue/);
    for (const name of ["...", ".a", "a.", "a/.b", "..a/b"]) new Paths("vh").queue(name);
    refuses(() => new Paths("a//b"), /cannot have the virtual host "a\/\/b"/);
    refuses(() => new Paths("").queue("zookeeper"), /\/zookeeper for itself/);
    refuses(() => new Paths("zookeeper").queue("quota"), /\/zookeeper for itself/);
    assert.equal(new Paths("").queue("zookeepers"), "/zookeepers");
  });

  it("sorts the highest priority first", () => {
    assert.deepEqual([0, 5, 9].map(entryPrefix), ["entry-009-", "entry-004-", "entry-000-"]);
    assert.equal(prefixOf("entry-004-0000000017"), "entry-004-");
    assert.equal(prefixOf("entry-100-2147483647"), "entry-100-");
    assert.ok(isEntry("entry-009-0000000000"));
    assert.ok(!isEntry("lock-0000000000"));
  });

  it("counts bytes of the path, not characters", () => {
    assert.equal(maxData("/é", 1000) - maxData("/éé", 1000), 2);
    assert.equal(maxData("/a", 5_000_000), 1_048_576);
  });
});
