import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ImproperlyConfigured } from "../errors.js";
import type { Broker } from "./broker.js";
import { brokerOptions } from "./default-options.js";
import openMemory from "./memory/index.js";
import { knownBrokers, openBroker, registerBroker } from "./registry.js";

const options = brokerOptions();

describe("broker registry", () => {
  for (const scheme of ["amqp", "amqps", "pyamqp", "redis", "rediss", "filesystem", "memory", "MEMORY"])
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

  const unknown: readonly [url: string, said: RegExp][] = [
    ["", /the URL of the broker is empty; expected for example amqp:/],
    ["  ", /is empty/],
    ["nonsense://user:secret@h", /no broker is called nonsense:.*known schemes are amqp, .*redis, .*memory/],
    ["rabbitmq://user:secret@h", /did you mean amqp:\/\//],
    ["ampq://user:secret@h", /did you mean amqp:\/\//],
    ["reddis://:secret@h", /did you mean redis:\/\//],
    ["librabbitmq://user:secret@h", /did you mean amqp:\/\//],
    ["redis+sentinel://:secret@h", /did you mean sentinel:\/\//],
    ["zk://user:secret@h", /did you mean zookeeper:\/\//],
    ["file:///folder", /did you mean filesystem:\/\//],
    ["kafka://user:secret@h", /Celery has the broker kafka:\/\/, celeriac does not.*docs\/custom-drivers/],
    ["sqla+postgresql://user:secret@h/d", /Celery has the broker sqla\+postgresql:/],
    ["user:secret@host:5672", /"user:\*\*@host:5672" is not the URL of a broker: it has no scheme:/],
    ["localhost:6379", /no scheme/],
    ["amqp:user:secret@h", /no scheme/],
  ];
  for (const [url, said] of unknown)
    it(`refuses ${JSON.stringify(url)} with a remedy and without the password`, async () => {
      await assert.rejects(openBroker(url, options), (error) => {
        assert.ok(error instanceof ImproperlyConfigured);
        assert.match(error.message, said);
        assert.ok(!inspect(error, { depth: Infinity }).includes("secret"));
        return true;
      });
    });

  it("takes drivers of others", async () => {
    const mine = openMemory("memory://mine", options);
    registerBroker("Mine", async () => ({ default: () => mine }));
    assert.equal(await openBroker("mine://x", options), mine);
    assert.ok(knownBrokers().has("mine"));
  });

  it("names what a driver of others lacks", async () => {
    const half = { ...bound(openMemory("memory://mine", options)), close: undefined } as unknown as Broker;
    registerBroker("half", async () => ({ default: () => half }));
    await assert.rejects(openBroker("half://", options), /half:\/\/ opens lacks the method close\(\)/);
    registerBroker("empty", async () => ({}) as { default: () => Broker });
    await assert.rejects(openBroker("empty://", options), /empty:\/\/ has no function as default export/);
  });

  it("refuses to register what is no driver", () => {
    const load = (): Promise<never> => Promise.reject(new Error("never loaded"));
    assert.throws(() => registerBroker("mine://", load), /without :\/\//);
    assert.throws(() => registerBroker("", load), ImproperlyConfigured);
    assert.throws(() => registerBroker("mine", "./mine.js" as unknown as typeof load), /expected a function/);
  });
});

/** A plain object with a driver's methods, as somebody else might hand it in. */
function bound(broker: Broker): Broker {
  const { scheme, displayUrl, capabilities } = broker;
  return {
    ...{ scheme, displayUrl, capabilities },
    connect: () => broker.connect(),
    declare: (queue) => broker.declare(queue),
    publish: (...args) => broker.publish(...args),
    consume: (...args) => broker.consume(...args),
    purge: (queue) => broker.purge(queue),
    size: (queue) => broker.size(queue),
    delete: (queue) => broker.delete(queue),
    close: () => broker.close(),
  };
}
