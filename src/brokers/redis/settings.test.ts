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

  it("leaves alone what the base handles, and names what nobody knows", () => {
    redisSettings({ max_retries: 3, body_encoding: "base64", interval_start: 0, master_name: "m" });
    assert.throws(
      () => redisSettings({ visibility_timout: 3 }),
      /"visibility_timout"; did you mean visibility_timeout\?/,
    );
    assert.throws(() => redisSettings({ region: "eu" }), /unknown Redis transport option "region"; known are sep, /);
  });

  it("renews after a third of the visibility timeout, within a minute, unless told otherwise", () => {
    const interval = (options: Record<string, unknown>): number => redisSettings(options).renewInterval;
    assert.equal(interval({}), 60);
    assert.equal(interval({ visibility_timeout: 30 }), 10);
    assert.equal(interval({ visibility_timeout: 0 }), 0);
    assert.equal(interval({ extend_visibility: false }), 0);
    assert.equal(interval({ extend_visibility: 7 }), 7);
  });

  it("reads how to connect", () => {
    const connection = redisSettings({
      socket_timeout: 3,
      socket_connect_timeout: 2,
      socket_keepalive_options: { TCP_KEEPIDLE: 60 },
      health_check_interval: 0,
      client_name: "me",
      max_connections: 20,
      retry_on_timeout: true,
      reauth_check_interval: 5,
    }).connection;
    assert.deepEqual(connection, {
      connectTimeout: 2000,
      socketTimeout: 3000,
      healthCheck: 0,
      clientName: "me",
      keepAlive: 60_000,
      credentials: undefined,
    });
    assert.equal(redisSettings({ socket_keepalive: false }).connection.keepAlive, false);
    assert.equal(redisSettings({}, 7).connection.connectTimeout, 7000);
    assert.throws(() => redisSettings({ socket_keepalive_options: { TCP_KEEPINTVL: 1 } }), /Node cannot set/);
    assert.throws(() => redisSettings({ credential_provider: "my.Provider" }), /credential_provider .*a function/);
    assert.throws(() => redisSettings({ queue_order_strategy: () => 1 }), /a class of its own/);
  });

  it("takes kombu's defaults for a cadence of 0 or less", () => {
    assert.equal(redisSettings({ unacked_restore_interval: -1, unacked_restore_throttle: 0 }).restoreInterval, 10);
    assert.equal(redisSettings({ unacked_restore_interval: 2, unacked_restore_throttle: 3 }).restoreInterval, 6);
  });

  for (const [name, value] of [
    ["visibility_timeout", "3600"],
    ["visibility_timeout", -1],
    ["priority_steps", []],
    ["priority_steps", [0, 12]],
    ["queue_order_strategy", "random"],
    ["sep", 1],
    ["sep", ""],
    ["extend_visibility", 4000],
    ["extend_visibility", "yes"],
    ["fanout_prefix", "app."],
    ["max_connections", "many"],
    ["sentinel_fanout_compat", 1],
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
