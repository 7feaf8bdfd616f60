import assert from "node:assert/strict";
import open from "../../../src/brokers/redis/index.js";
import type { Broker, BrokerOptions } from "../../../src/brokers/broker.js";
import { Celery } from "../../../src/index.js";
import { ImproperlyConfigured, OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage, textOf } from "../../../src/testing/broker/scene.js";
import { until } from "../../../src/testing/harness.js";
import { Worker } from "../../../src/worker/index.js";
import { recordingLogger } from "../../expect.js";
import { uniqueName } from "../../drivers/index.js";
import { PythonClient } from "../../python/client.js";
import { newestCelery } from "../../python/venvs.mjs";
import { startPythonWorker } from "../../python/worker.js";
import { MASTER_NAME, SentinelGroup } from "../../servers/sentinel.js";
import { need } from "../../servers/shared.js";

/** A master, its replica and three Sentinels, with passwords of their own: what happens when the master changes. */
describe("redis broker and results: Sentinel", function () {
  this.timeout(90_000);
  const [password, sentinelPassword] = ["p@ss:of/the=master", "p@ss:of/the=Sentinels"];
  let group: SentinelGroup;
  let url: string;
  const { logger, lines } = recordingLogger();
  const brokers: Broker[] = [];
  const apps: Celery[] = [];

  const transportOptions = {
    master_name: MASTER_NAME,
    min_other_sentinels: 2,
    sentinel_kwargs: { password: sentinelPassword },
  };
  const quick = { interval_start: 0.1, interval_step: 0, health_check_interval: 0.5 };

  function openBroker(options: object = {}, changes: Partial<BrokerOptions> = {}, at = url): Broker {
    const broker = open(at, {
      logger,
      transportOptions: { ...transportOptions, ...quick, ...options },
      connectionTimeout: 2,
      connectionRetry: true,
      connectionMaxRetries: null,
      heartbeat: 0,
      useSsl: false,
      failoverStrategy: "round-robin",
      ...changes,
    });
    brokers.push(broker);
    return broker;
  }

  before(async function () {
    const start = (): Promise<SentinelGroup> =>
      SentinelGroup.start({ servers: 2, sentinels: 3, persistent: true, password, sentinelPassword });
    group = (await need(this, start as never)) as unknown as SentinelGroup;
    url = group.url.replace("sentinel://", `sentinel://:${encodeURIComponent(password)}@`).replace(/(?=;)/, "/2");
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    await Promise.all(apps.splice(0).map((app) => app.close()));
    assert.ok(!JSON.stringify(lines).includes(password) && !JSON.stringify(lines).includes(sentinelPassword));
    lines.length = 0;
  });
  after(() => group?.stop());

  /** Publishes until the broker takes it, as Celery's retry policy does for somewhat longer. */
  async function send(broker: Broker, name: string, text: string): Promise<void> {
    for (;;)
      try {
        return await broker.publish(textMessage(text), toQueue(name), { declare: [queue(name)] });
      } catch (error) {
        assert.ok(error instanceof OperationalError && error.retriable, String(error));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
  }

  it("a consumer and a publisher go on at the new master with all that it has", async () => {
    const name = uniqueName("failover");
    const broker = openBroker();
    let lost = 0;
    const reader = new Reader(broker.consume([queue(name)], { prefetch: 3, onConnectionLost: () => lost++ }));
    for (let n = 0; n < 10; n++) await send(broker, name, `before ${n}`);
    await reader.has(3);
    await reader.deliveries[0]?.ack();
    await reader.has(4);
    const raw = group.connection(await group.master(), 2);
    // The replica has all of it, the acknowledgement too.
    await until("the acknowledgement", async () => (await raw.hlen("unacked")) === 3);
    await raw.wait(1, 5000);
    raw.disconnect();
    await group.failOver();
    await until("the loss to be noticed", () => lost > 0);
    const sending = Promise.all(Array.from({ length: 5 }, (_, n) => send(broker, name, `after ${n}`)));
    const held = reader.deliveries.slice(1, 4).map(textOf);
    // What was held comes again, then all the rest.
    const seen = new Set<string>();
    for (let n = 4; seen.size < 14; n++) {
      const delivery = await reader.nth(n);
      seen.add(textOf(delivery));
      await delivery.ack();
    }
    await sending;
    assert.ok(held.every((text) => seen.has(text)));
    assert.ok(!seen.has("before 0"), "it was acknowledged");
    const now = group.connection(await group.master(), 2);
    await until("nothing to be left", async () => (await now.exists("unacked", "unacked_index", name)) === 0);
    now.disconnect();
    await group.startServers();
  });

  it("a master that falls silent is left", async () => {
    const name = uniqueName("silent");
    const broker = openBroker();
    const reader = new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack());
    await send(broker, name, "before");
    await reader.has(1);
    const old = await group.freeze();
    try {
      await send(broker, name, "after");
      await until("the message", () => reader.texts.includes("after"));
    } finally {
      old.thaw();
    }
    // The old one comes back as a replica; whoever asks is sent to the new one.
    const late = openBroker();
    await send(late, name, "late");
    await until("the message", () => reader.texts.includes("late"));
  });

  it("results that are waited for arrive, and Python works by the same URL, whoever is the master", async () => {
    const name = uniqueName("results");
    const app = new Celery({
      broker: url,
      backend: url,
      brokerTransportOptions: { ...transportOptions, ...quick },
      resultBackendTransportOptions: { ...transportOptions, health_check_interval: 0.5 },
      brokerConnectionMaxRetries: null,
      taskDefaultQueue: name,
      taskPublishRetryPolicy: { maxRetries: 100, intervalStart: 0.1, intervalStep: 0 },
      logger,
    });
    apps.push(app);
    let finish: (value: string) => void = () => undefined;
    let running = false;
    app.task("node.gated", () => {
      running = true;
      return new Promise<string>((resolve) => (finish = resolve));
    });
    app.task("node.add", (x: number, y: number) => x + y);
    const worker = await new Worker(app, { concurrency: 4 }).start();
    const conf = {
      broker_transport_options: transportOptions,
      result_backend_transport_options: transportOptions,
      task_default_queue: `${name}.python`,
    };
    const target = { version: newestCelery, broker: url, backend: url, conf };
    const [python, client] = await Promise.all([
      startPythonWorker({ ...target, queues: [`${name}.python`] }),
      PythonClient.start(target),
    ]);
    try {
      const waiting = app.sendTask<string>("node.gated").get({ timeout: 60 });
      await until("the task to run", () => running);
      const both = async (x: number): Promise<void> => {
        assert.equal(
          await app.sendTask("interop.add", [x, 1], { queue: `${name}.python` }).get({ timeout: 60 }),
          x + 1,
        );
        assert.deepEqual(await client.call("node.add", [x, 2], {}, { queue: name }), { value: x + 2 });
      };
      await both(1);
      await group.failOver();
      finish("through the change");
      assert.equal(await waiting, "through the change");
      await both(2);
    } finally {
      await worker.shutdown({ how: "cold" });
      await client.close();
      await python.kill();
    }
    await group.startServers();
  });

  it("asks the next Sentinel when one is gone", async () => {
    await group.killSentinel();
    const broker = openBroker({ min_other_sentinels: 0 });
    await send(broker, uniqueName("next"), "x");
  });

  it("says who knows what when there is no master to be found, and no secrets", async () => {
    await group.killSentinel();
    const refused = async (options: object, what: RegExp, retriable: boolean): Promise<void> => {
      await assert.rejects(openBroker(options).connect(), (error) => {
        assert.ok(error instanceof OperationalError, String(error));
        assert.match(error.message, what);
        assert.equal(error.retriable, retriable, error.message);
        assert.ok(!error.message.includes(password) && !error.message.includes(sentinelPassword), error.message);
        return true;
      });
    };
    await refused({ master_name: "other" }, /no Sentinel of sentinel:\/\/:\*\*@.*"other".*knows only celeriac/, true);
    await refused({ min_other_sentinels: 7 }, /knows 2 other Sentinels, fewer than min_other_sentinels \(7\)/, true);
    await refused(
      { sentinel_kwargs: {} },
      /ECONNREFUSED.*NOAUTH.*give the Sentinels' own user and password as sentinel_kwargs/,
      true,
    );
    const wrong = url.replace(/:[^:@/]*@/, ":wrong-one@");
    await assert.rejects(openBroker({}, {}, wrong).connect(), (error: OperationalError) => {
      assert.match(error.message, /master celeriac at 127\.0\.0\.1:\d+.*WRONGPASS.*check user and password/);
      assert.ok(!error.message.includes("wrong-one"));
      assert.equal(error.retriable, false);
      return true;
    });
    const direct = group.url.split(";")[1]?.replace("sentinel:", "redis:") ?? "";
    const login = direct.replace("//", `//:${encodeURIComponent(sentinelPassword)}@`);
    await assert.rejects(openBroker({}, {}, login).connect(), (error) => {
      assert.ok(error instanceof ImproperlyConfigured && /use sentinel:\/\//.test(error.message), String(error));
      return true;
    });
  });
});
