import assert from "node:assert/strict";
import { fnmatchRegex } from "./fnmatch.js";

// Answers of Python 3.11's fnmatch.fnmatchcase.
const cases: readonly [glob: string, name: string, matches: boolean][] = [
  ["", "", true],
  ["*", "anything\nat all", true],
  ["tasks.*", "tasks.add", true],
  ["tasks.*", "tasks", false],
  ["*.add", "a.b.add", true],
  ["a*b*c", "a1b2b3c", true],
  ["a*b*c", "a1b2b3", false],
  ["w?@*", "w1@host", true],
  ["w?@*", "w12@host", false],
  ["?", "😀", true],
  ["[abc]x", "bx", true],
  ["[!abc]x", "bx", false],
  ["[!abc]x", "dx", true],
  ["[a-c]", "b", true],
  ["[a-c-]", "-", true],
  ["[c-a]", "b", false],
  ["[c-a]", "c", false],
  ["[!c-a]", "x", true],
  ["[]]", "]", true],
  ["[!]]", "x", true],
  ["[]", "[]", true],
  ["[", "[", true],
  ["[[]x", "[x", true],
  ["[^a]", "^", true],
  ["[^a]", "b", false],
  ["[\\]", "\\", true],
  ["[--/]", ".", true],
  ["a.b", "axb", false],
  ["(a|b)", "a", false],
  ["a\\", "a\\", true],
];

describe("fnmatch", () => {
  for (const [glob, name, matches] of cases)
    it(`${JSON.stringify(glob)} ${matches ? "takes" : "leaves"} ${JSON.stringify(name)}`, () => {
      assert.equal(fnmatchRegex(glob).test(name), matches);
    });

  it("takes no exponential time for many stars", () => {
    assert.equal(fnmatchRegex("a*".repeat(40) + "b").test("a".repeat(2000)), false);
  });
});
