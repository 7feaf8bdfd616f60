import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../errors.js";
import { resolveConfig } from "./config.js";

const refused = (given: object, pattern: RegExp): void =>
  assert.throws(
    () => resolveConfig(given),
    (error) => error instanceof ImproperlyConfigured && pattern.test(error.message),
  );

describe("configuration", () => {
  it("has Celery's defaults", () => {
    const config = resolveConfig({});
    assert.equal(config.taskDefaultQueue, "celery");
    assert.equal(config.resultExpires, 86400);
    assert.equal(config.workerPrefetchMultiplier, 4);
    assert.deepEqual(config.acceptContent, ["json"]);
  });

  it("refuses unknown names, and says which was meant", () => {
    refused({ taskSerialzer: "json" }, /unknown setting "taskSerialzer"; did you mean taskSerializer\?/);
    refused({ task_default_queue: "x" }, /did you mean taskDefaultQueue\?/);
    refused({ somethingElseEntirely: 1 }, /known are .*taskSerializer/);
  });

  it("refuses values that cannot be meant, naming what is expected", () => {
    refused({ brokerConnectionTimeout: "4" }, /brokerConnectionTimeout is "4"; expected a number above 0/);
    refused({ taskProtocol: 3 }, /expected one of 1, 2/);
    refused({ acceptContent: "json" }, /expected a list of texts/);
    refused({ workerConcurrency: 0 }, /whole number of at least 1/);
    refused({ resultExpires: NaN }, /expected a number of at least 0, or null/);
    refused({ taskSoftTimeLimit: 5, taskTimeLimit: 4 }, /taskSoftTimeLimit \(5 s\) is above taskTimeLimit/);
  });

  it("takes null where Celery takes None, and reads undefined as left out", () => {
    assert.equal(resolveConfig({ resultExpires: null }).resultExpires, null);
    assert.equal(resolveConfig({ taskSerializer: undefined } as object).taskSerializer, "json");
  });
});
