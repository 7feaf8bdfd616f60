import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../errors.js";
import { silentLogger } from "../util/logger.js";
import type { Broker, BrokerOptions } from "./broker.js";
import { openBroker, registerBroker } from "./registry.js";

const options: BrokerOptions = {
  logger: silentLogger,
  transportOptions: {},
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 0,
  useSsl: false,
  failoverStrategy: "round-robin",
};

describe("broker registry", () => {
  for (const scheme of ["amqp", "amqps", "pyamqp", "redis", "rediss", "redis+socket", "filesystem", "memory", "MEMORY"])
    it(`opens ${scheme}:// without connecting`, async () => {
      const broker = await openBroker(`${scheme}://localhost`, options);
      assert.equal(broker.scheme, scheme.toLowerCase());
      await broker.close();
    });

  it("hands alternates to the driver as they are", async () => {
    const broker = await openBroker("redis://a/1;redis://b/1", options);
    assert.equal(broker.displayUrl, "redis://a/1;redis://b/1");
    await broker.close();
  });

  it("names the known schemes when it does not know one", async () => {
    await assert.rejects(
      openBroker("kafka://user:secret@h", options),
      (error) =>
        error instanceof ImproperlyConfigured && /kafka:\/\/user:\*\*@h.*amqp, .*redis, .*memory/.test(error.message),
    );
  });

  it("takes drivers of others", async () => {
    const mine = { scheme: "mine" } as Broker;
    registerBroker("Mine", async () => ({ default: () => mine }));
    assert.equal(await openBroker("mine://x", options), mine);
  });
});
