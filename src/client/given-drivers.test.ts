import assert from "node:assert/strict";
import type { Backend } from "../backends/backend.js";
import { backendOptions } from "../backends/default-options.js";
import openMemoryBackend from "../backends/memory/index.js";
import openRpc from "../backends/rpc/index.js";
import type { Broker } from "../brokers/broker.js";
import { brokerOptions } from "../brokers/default-options.js";
import openMemoryBroker from "../brokers/memory/index.js";
import { ImproperlyConfigured, OperationalError } from "../errors.js";
import { newId } from "../util/id.js";
import { Worker } from "../worker/index.js";
import { Celery } from "./app.js";

/** An object of somebody else: nothing but the interface, and it counts. */
function givenBroker(name: string, changes: Partial<Broker> = {}): Broker & { closed: number } {
  const inner = openMemoryBroker(`memory://${name}`, brokerOptions());
  const given = {
    scheme: "mine",
    displayUrl: "mine://somewhere",
    capabilities: inner.capabilities,
    closed: 0,
    connect: () => inner.connect(),
    declare: (queue) => inner.declare(queue),
    publish: (...args) => inner.publish(...args),
    consume: (...args) => inner.consume(...args),
    purge: (queue) => inner.purge(queue),
    size: (queue) => inner.size(queue),
    delete: (queue) => inner.delete(queue),
    close: () => {
      given.closed++;
      return inner.close();
    },
    ...changes,
  } satisfies Broker & { closed: number };
  return given;
}

function givenBackend(inner: Backend): Backend & { closed: number } {
  const given = {
    ...inner,
    closed: 0,
    close: () => {
      given.closed++;
      return inner.close();
    },
  };
  return given;
}

describe("drivers that are handed in", () => {
  it("carry tasks and results between client and worker, and are closed with the application", async () => {
    const name = newId();
    const broker = givenBroker(name);
    const backend = givenBackend(openMemoryBackend(`memory://${name}`, backendOptions()));
    const app = new Celery({ broker, backend });
    assert.equal(await app.broker(), broker);
    assert.equal(await app.backend(), backend);
    const add = app.task("add", (x: number, y: number) => x + y);
    const worker = await new Worker(app).start();
    assert.equal(await add.delay(2, 3).get({ timeout: 10 }), 5);
    await worker.shutdown();
    assert.deepEqual([broker.closed, backend.closed], [0, 0], "a worker ends without taking the application with it");
    await app.close();
    await app.close();
    assert.deepEqual([broker.closed, backend.closed], [1, 1]);
  });

  it("answer through the broker of the application, whichever it is", async () => {
    const name = newId();
    await using client = new Celery({ broker: givenBroker(name), backend: "rpc://" });
    await using server = new Celery({ broker: givenBroker(name), backend: "rpc://" });
    server.task("add", (x: number, y: number) => x + y);
    await using _worker = await new Worker(server).start();
    const add = client.task<(x: number, y: number) => number>("add");
    assert.equal(await add.delay(2, 3).get({ timeout: 10 }), 5);
    const rpc = givenBackend(openRpc("rpc://", backendOptions({ broker: () => server.broker() })));
    await using third = new Celery({ broker: givenBroker(name), backend: rpc });
    assert.equal(await third.sendTask("add", [4, 5]).get({ timeout: 10 }), 9);
  });

  it("are closed although nothing used them", async () => {
    const broker = givenBroker(newId());
    const backend = givenBackend(openMemoryBackend(`memory://${newId()}`, backendOptions()));
    await new Celery({ broker, backend }).close();
    assert.deepEqual([broker.closed, backend.closed], [1, 1]);
  });

  it("a close that throws does not keep the other one open", async () => {
    const broker = givenBroker(newId());
    const close = (): never => {
      throw new Error("stuck");
    };
    const backend = { ...openMemoryBackend(`memory://${newId()}`, backendOptions()), close };
    await assert.rejects(new Celery({ broker, backend }).close(), /stuck/);
    assert.equal(broker.closed, 1);
  });

  it("fail a call with their own error", async () => {
    const publish = (): Promise<never> => Promise.reject(new OperationalError("mine://somewhere is away"));
    await using app = new Celery({ broker: givenBroker(newId(), { publish }), backend: "disabled" });
    await assert.rejects(app.sendTask("t", [], { retry: false }), /mine:\/\/somewhere is away/);
  });

  const broker = givenBroker(newId());
  const half = { ...broker, publish: undefined, capabilities: undefined };
  const backend = openMemoryBackend("memory://refused", backendOptions());
  const halfBackend = { ...backend, watch: undefined, replyTo: undefined };
  const refused: readonly [what: string, options: object, said: RegExp][] = [
    ["nothing", {}, /a broker is needed/],
    ["no text", { broker: "" }, /a broker is needed/],
    ["null", { broker: null }, /the broker that was handed in is null/],
    ["a number", { broker: 5672 }, /the broker that was handed in is number/],
    ["an empty object", { broker: {} }, /lacks scheme \(string\).*the method consume\(\)/],
    ["a promise", { broker: Promise.resolve(broker) }, /is a promise; await it first/],
    ["half a broker", { broker: half }, /lacks capabilities \(object\), the method publish\(\): see/],
    [
      "half a backend",
      { broker, backend: halfBackend },
      /result backend.* lacks replyTo .*, the method watch\(\): see/,
    ],
    ["a backend that is null", { broker, backend: null }, /the result backend that was handed in is null/],
  ];
  for (const [what, options, said] of refused)
    it(`are refused at once: ${what}`, () => {
      assert.throws(
        () => new Celery(options as { broker: string }),
        (error) => error instanceof ImproperlyConfigured && said.test(error.message),
      );
    });

  it("are opened by hand with the defaults of the application", () => {
    const { conf } = new Celery({ broker: "memory://" });
    const options = brokerOptions();
    assert.deepEqual(
      [options.connectionTimeout, options.connectionRetry, options.connectionMaxRetries, options.heartbeat],
      [conf.brokerConnectionTimeout, conf.brokerConnectionRetry, conf.brokerConnectionMaxRetries, conf.brokerHeartbeat],
    );
    assert.deepEqual(
      [options.useSsl, options.failoverStrategy, options.transportOptions],
      [conf.brokerUseSsl, conf.brokerFailoverStrategy, conf.brokerTransportOptions],
    );
    const { serializer, acceptContent, resultExpires, resultPersistent, transportOptions } = backendOptions();
    assert.deepEqual(
      { serializer, acceptContent, resultExpires, resultPersistent, transportOptions },
      {
        serializer: conf.resultSerializer,
        acceptContent: conf.resultAcceptContent ?? conf.acceptContent,
        resultExpires: conf.resultExpires,
        resultPersistent: conf.resultPersistent,
        transportOptions: conf.resultBackendTransportOptions,
      },
    );
  });
});
