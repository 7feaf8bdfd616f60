import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { loadZooKeeper } from "./client.js";
import { zookeeperSettings } from "./settings.js";

describe("ZooKeeper settings", () => {
  it("have defaults, and take what is given", () => {
    assert.deepEqual(zookeeperSettings({}), { pollingInterval: 1, sessionTimeout: 30, maxBuffer: 0xfffff });
    assert.deepEqual(
      zookeeperSettings({ polling_interval: 5, session_timeout: 4, jute_maxbuffer: 4_194_304, body_encoding: "utf-8" }),
      { pollingInterval: 5, sessionTimeout: 4, maxBuffer: 4_194_304 },
    );
  });

  it("refuse what is unknown or cannot be, naming it", () => {
    const refuses = (options: object, pattern: RegExp): void =>
      assert.throws(
        () => zookeeperSettings({ ...options }),
        (error) => error instanceof ImproperlyConfigured && pattern.test(error.message),
      );
    refuses({ visibility_timeout: 3600 }, /"visibility_timeout"; known are polling_interval/);
    refuses({ polling_interval: 0 }, /polling_interval is 0: expected a number/);
    refuses({ session_timeout: "10" }, /session_timeout is "10"/);
    refuses({ jute_maxbuffer: Infinity }, /jute_maxbuffer/);
  });

  it("take the client as a module, in whatever way it was imported", () => {
    const lib = { createClient: () => undefined };
    assert.equal(loadZooKeeper(lib), lib);
    assert.equal(loadZooKeeper({ default: lib }), lib);
    assert.throws(() => loadZooKeeper({}), ImproperlyConfigured);
    assert.equal(typeof loadZooKeeper(undefined).createClient, "function");
  });
});
