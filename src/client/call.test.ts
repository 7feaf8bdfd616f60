import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../errors.js";
import { taskRequest } from "../protocol/task-message.js";
import { now } from "../util/time.js";
import { buildRequest } from "./call.js";
import { type Config, resolveConfig } from "./config.js";
import { runAsTask } from "./current-task.js";
import type { CallOptions } from "./types.js";

const build = (options: CallOptions = {}, settings: Partial<Config> = {}) =>
  buildRequest("proj.add", [1, 2], options, resolveConfig(settings), "reply-queue");

const refused = (options: object, pattern: RegExp): void =>
  assert.throws(
    () => build(options),
    (error) => error instanceof ImproperlyConfigured && pattern.test(error.message),
  );

describe("a call as a request (celery/app/base.py send_task)", () => {
  it("is its own root, and tells the limits hard first", () => {
    const request = build({ timeLimit: 300, softTimeLimit: 240 });
    assert.equal(request.rootId, request.id);
    assert.equal(request.parentId, null);
    assert.deepEqual(request.timeLimit, [300, 240]);
    assert.equal(request.argsrepr, "(1, 2)");
    assert.equal(request.replyTo, "reply-queue");
  });

  it("refuses limits that are no seconds", () => {
    for (const timeLimit of [-1, NaN, Infinity, "5"])
      refused({ timeLimit }, /timeLimit is .+; expected a number of seconds/);
    refused({ softTimeLimit: 5, timeLimit: 3 }, /softTimeLimit \(5 s\) is above timeLimit/);
    assert.deepEqual(build({ softTimeLimit: 5, timeLimit: 0 }).timeLimit, [0, 5], "0 leaves it to the task");
  });

  it("says when in texts with an offset and six digits or none", () => {
    assert.equal(build({ eta: new Date("2026-11-20T15:52:33.333Z") }).eta, "2026-11-20T15:52:33.333000+00:00");
    assert.equal(build({ expires: new Date("2026-11-20T15:52:33Z") }).expires, "2026-11-20T15:52:33+00:00");
    const eta = Date.parse(build({ countdown: 10 }).eta!);
    assert.ok(Math.abs(eta - now() - 10_000) < 1000);
    assert.equal(build({ countdown: 10, eta: new Date(0) }).eta, "1970-01-01T00:00:00+00:00", "eta wins");
  });

  it("inherits from the task that is running", () => {
    const current = {
      id: "p",
      rootId: "r",
      priority: 5,
      task: taskRequest({ id: "parent", task: "t" }),
      addChild: () => undefined,
    };
    const inside = (settings = {}) => runAsTask(current, () => build({}, settings));
    assert.deepEqual([inside().rootId, inside().parentId, inside().priority], ["r", "p", null]);
    assert.equal(inside({ taskInheritParentPriority: true }).priority, 5);
  });

  it("names stamps in the list of stamped headers", () => {
    const request = build({ stamps: { tenant: "acme" } });
    assert.deepEqual([request.stampedHeaders, request.stamps], [["tenant"], { tenant: "acme" }]);
  });

  it("refuses options that cannot be meant", () => {
    refused({ countDown: 1 }, /unknown call option of proj.add "countDown"; did you mean countdown\?/);
    refused({ countdown: NaN }, /countdown is NaN; expected seconds/);
    refused({ countdown: 1e12 }, /at most/);
    refused({ eta: new Date(NaN) }, /eta is not a valid Date/);
    refused({ expires: "soon" }, /expires is soon/);
    refused({ priority: 1.5 }, /whole number from 0 to 255/);
    refused({ taskId: "" }, /taskId/);
    refused({ softTimeLimit: 5, timeLimit: 4 }, /lower it/);
  });
});
