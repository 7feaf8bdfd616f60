import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../errors.js";
import { Celery } from "./app.js";
import { definitionOf } from "./task.js";
import type { DefinedOptions } from "./task-options.js";

const define = (options: unknown): unknown =>
  new Celery({ broker: "memory://" }).task("proj.add", options as { bind: false }, () => 1);

describe("options of a task", () => {
  const wrong: readonly [options: object, message: RegExp][] = [
    [{ maxRetry: 1 }, /unknown option of the task proj\.add: "maxRetry"; did you mean maxRetries\?/],
    [{ rateLimit: "fast" }, /the task proj\.add: rateLimit is "fast"; expected a text such as "10\/s"/],
    [{ rateLimit: "10/d" }, /rateLimit is "10\/d"/],
    [{ softTimeLimit: 5, timeLimit: 3 }, /softTimeLimit \(5 s\) is above timeLimit \(3 s\); lower it/],
    [{ timeLimit: 0 }, /timeLimit is 0; expected a number above 0/],
    [{ defaultRetryDelay: -1 }, /defaultRetryDelay is -1; expected a number of at least 0/],
    [{ maxRetries: 1.5 }, /maxRetries is 1.5; expected a whole number of at least 0, or null/],
    [{ retryBackoff: -2 }, /retryBackoff is -2; expected true, false, or a factor/],
    [{ autoretryFor: "TypeError" }, /autoretryFor is "TypeError"; expected a list of error classes/],
    [{ throws: [new Error("x")] }, /throws is a list; expected a list of error classes/],
    [{ params: ["a", "a"] }, /params of the task proj\.add name an argument twice: a, a/],
    [{ params: "a" }, /params is "a"; expected a list of names/],
    [{ schema: { parse: () => 1 } }, /schema is an object; expected a Standard Schema/],
    [{ priority: 300 }, /priority is 300/],
    [{ expires: new Date(NaN) }, /expires is an object; expected seconds above 0, at most \d+, or a valid Date/],
    [{ expires: 1e12 }, /expires is 1000000000000; expected seconds above 0/],
    [{ defaultRetryDelay: 1e12 }, /defaultRetryDelay is 1000000000000; expected a number of at least 0 at most/],
    [{ acksLate: "yes" }, /acksLate is "yes"; expected true or false/],
  ];
  for (const [options, message] of wrong)
    it(`are refused when they cannot be meant: ${Object.keys(options).join(", ")}`, () => {
      assert.throws(
        () => define(options),
        (error) => error instanceof ImproperlyConfigured && message.test(error.message),
      );
    });

  it("may all be left out, or undefined", () => {
    define({});
    define({ rateLimit: undefined, maxRetries: null, retryBackoff: true, throws: [TypeError], expires: 60 });
  });
});

describe("taskAnnotations", () => {
  const options = (annotations: object, own: DefinedOptions = {}): Readonly<DefinedOptions> | undefined => {
    const app = new Celery({ broker: "memory://", taskAnnotations: annotations as Record<string, never> });
    return definitionOf(app.task("proj.add", own as { bind: false }, () => 1))?.options;
  };

  it("change options by the name of the task, and of all tasks", () => {
    const changed = options({ "proj.add": { rateLimit: "10/s" }, other: { maxRetries: 7 } }, { maxRetries: 1 });
    assert.deepEqual(changed, { maxRetries: 1, rateLimit: "10/s" });
    // Celery applies "*" last.
    assert.deepEqual(options({ "proj.add": { maxRetries: 5 }, "*": { maxRetries: 6 } }), { maxRetries: 6 });
    assert.deepEqual(options({ other: { maxRetries: 5 } }), {});
  });

  it("are checked with the configuration", () => {
    assert.throws(
      () => options({ "proj.add": { rateLimits: "1/s" } }),
      /unknown option of .*"rateLimits"; did you mean/,
    );
    assert.throws(() => options({ "*": { rateLimit: "soon" } }), /taskAnnotations for \*: rateLimit is "soon"/);
    assert.throws(
      () => options({ "proj.add": { bind: true } }),
      /unknown option of taskAnnotations for proj\.add "bind"/,
    );
    assert.throws(() => options({ "proj.add": null }), /taskAnnotations for proj\.add is null; expected options/);
    assert.throws(() => options({ "proj.add": { timeLimit: 1 } }, { softTimeLimit: 2 }), /is above timeLimit/);
  });
});
