import assert from "node:assert/strict";
import fc from "fast-check";
import { ImproperlyConfigured } from "../../errors.js";
import { possibleNames, sqsName } from "./names.js";

describe("SQS queue names", () => {
  // Made by kombu 5.7.0: Channel.entity_name(prefix + name).
  const kombu: readonly [string, string, string][] = [
    ["", "celery", "celery"],
    ["pre.", "my.q@x", "pre-my-q_x"],
    ["", "a.b.fifo", "a-b.fifo"],
    ["x/", "jobs.fifo", "x_jobs.fifo"],
  ];
  for (const [prefix, name, expected] of kombu)
    it(`${JSON.stringify(prefix + name)} is ${expected}`, () => assert.equal(sqsName(name, prefix), expected));

  it("keep dashes and underscores; dots become dashes, all other punctuation underscores", () => {
    const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    const expected = [...punctuation].map((char) => (char === "-" || char === "." ? "-" : "_")).join("");
    assert.equal(sqsName(punctuation, ""), expected);
  });

  it("are refused when SQS cannot have them, with both names and the limit", () => {
    const refused = (name: string, prefix = ""): void =>
      assert.throws(
        () => sqsName(name, prefix),
        (error: unknown) =>
          error instanceof ImproperlyConfigured &&
          error.message.includes(JSON.stringify(name)) &&
          /80/.test(error.message),
      );
    for (const name of ["", "a b", "ключ", "a\n", "x".repeat(81), ".fifo"]) refused(name);
    refused("x".repeat(75), "prefix");
    assert.equal(sqsName(`${"x".repeat(75)}.fifo`, "").length, 80);
  });

  it("that are said to be possible are", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 90 }), (name) => {
        if (possibleNames("p.").test(name) && !name.endsWith(".fifo")) sqsName(name, "p.");
      }),
      { numRuns: 300 },
    );
  });
});
