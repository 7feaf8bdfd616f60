import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { redisSettings } from "./settings.js";

describe("redis transport options", () => {
  it("has kombu's defaults", () => {
    const settings = redisSettings({});
    assert.equal(settings.visibilityTimeout, 3600);
    assert.equal(settings.restoreInterval, 100);
    assert.deepEqual(settings.prioritySteps, [0, 3, 6, 9]);
    assert.equal(settings.fanoutPrefix, "/{db}.");
    assert.equal(settings.queueOrder, "round_robin");
  });

  it("takes null for the default, as Python's None", () => {
    const settings = redisSettings({ visibility_timeout: null, unacked_restore_limit: null, polling_interval: null });
    assert.equal(settings.visibilityTimeout, 3600);
    assert.equal(settings.restoreLimit, undefined);
    assert.equal(settings.pollingInterval, 1);
  });

  it("ignores what other transports know, and what the base handles", () => {
    redisSettings({ region: "eu", max_retries: 3, body_encoding: "base64" });
  });

  for (const [name, value] of [
    ["visibility_timeout", "3600"],
    ["visibility_timeout", -1],
    ["priority_steps", []],
    ["priority_steps", [0, 12]],
    ["queue_order_strategy", "random"],
    ["sep", 1],
    ["ack_emulation", "no"],
    ["fanout_prefix", 7],
  ] as const)
    it(`refuses ${name} = ${JSON.stringify(value)}, naming both`, () => {
      assert.throws(
        () => redisSettings({ [name]: value }),
        (error) =>
          error instanceof ImproperlyConfigured &&
          error.message.includes(name) &&
          error.message.includes(JSON.stringify(value)),
      );
    });
});
