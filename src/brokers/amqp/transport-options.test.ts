import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { amqpSettings } from "./transport-options.js";

describe("amqp transport options", () => {
  it("have defaults", () => {
    const { delay, ...settings } = amqpSettings({});
    assert.deepEqual(settings, {
      ...{ frameMax: undefined, channelMax: undefined, clientProperties: {}, blockedTimeout: 60 },
    });
    assert.deepEqual([1, 2, 30, 31].map(delay), [1000, 2000, 30_000, 30_000]);
  });

  it("are read, and those of Python alone are let pass", () => {
    const given = { frame_max: 4096, blocked_connection_timeout: 0, confirm_publish: true, read_timeout: 3 };
    const settings = amqpSettings({ ...given, interval_start: 0, interval_step: 0.5, interval_max: 1 });
    assert.deepEqual([settings.frameMax, settings.blockedTimeout], [4096, 0]);
    assert.deepEqual([1, 2, 9].map(settings.delay), [0, 500, 1000]);
  });

  it("are refused when they mean nothing", () => {
    for (const [options, text] of [
      [{ visibility_timeout: 5 }, /no transport option "visibility_timeout"; known are login_method/],
      [{ frame_max: "4096" }, /"frame_max" is "4096": expected a number/],
      [{ blocked_connection_timeout: -1 }, /at least 0/],
      [{ client_properties: [] }, /"client_properties" must be an object/],
    ] as const)
      assert.throws(
        () => amqpSettings(options),
        (error: unknown) => error instanceof ImproperlyConfigured && text.test(error.message),
      );
  });
});
