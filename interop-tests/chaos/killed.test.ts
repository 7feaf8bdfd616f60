import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";
import { queue } from "../../src/protocol/queue.js";
import { Worker } from "../../src/worker/index.js";
import { brokers, openBrokerAt, uniqueName } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { until } from "../expect.js";
import { startChild } from "../servers/children.js";
import type { Child } from "../servers/children.js";
import { needShared, sharedServer } from "../servers/shared.js";

/** What makes a broker give out again soon what a dead worker had. */
const soon: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  redis: { visibility_timeout: 1, unacked_restore_interval: 1, unacked_restore_throttle: 1 },
  sentinel: { visibility_timeout: 1, unacked_restore_interval: 1, unacked_restore_throttle: 1 },
  filesystem: { visibility_timeout: 2 },
  sqs: { visibility_timeout: 2 },
};
const script = fileURLToPath(new URL("worker-process.ts", import.meta.url));

/** What is in memory goes with its process, and a taken message of ZooKeeper is nowhere else, as with kombu. */
const promiseNothing = ["memory", "zookeeper"];

for (const driver of brokers.filter((one) => !promiseNothing.includes(one.name)))
  describe(`a worker killed while it runs a task that acknowledges late: ${driver.name}`, function () {
    this.timeout(60_000);
    let place: Place;
    let options: CeleryOptions;
    const name = uniqueName("killed");
    let child: Child | undefined;

    before(async function () {
      for (const kind of [driver.server, "redis" as const]) if (kind) await needShared(this, kind);
      place = await driver.prepare();
      const broker = await openBrokerAt(place);
      const promised = broker.capabilities.redelivery !== false && broker.capabilities.persistent;
      await broker.close();
      assert.ok(promised, "a broker that promises nothing belongs into the list above");
      options = {
        broker: place.url,
        brokerTransportOptions: { ...place.transportOptions, ...soon[driver.name] },
        ...place.settings,
        taskAcksLate: true,
      };
    });
    after(async () => {
      await child?.kill();
      if (!place) return;
      const broker = await openBrokerAt(place);
      await broker.delete(queue(name));
      await broker.close();
      await place.close();
    });

    it("leaves it to the next one, once", async () => {
      const { url } = await sharedServer("redis");
      const worker = { queues: [name], concurrency: 1, heartbeatInterval: 0 };
      child = startChild(process.execPath, ["--import", "tsx", script, JSON.stringify({ app: options, worker })], {
        env: { ...process.env, CHAOS_LEDGER: url, CHAOS_PREFIX: name },
      });
      await child.until(/ ready\./, 30);
      await using app = new Celery(options);
      await app.sendTask("chaos.work", [60_000], { queue: name });
      await child.until(/chaos\.work begins/, 20);
      await child.kill();

      const runs: boolean[] = [];
      app.task("chaos.work", { bind: true, ignoreResult: true }, (self) => {
        runs.push(self.request.deliveryInfo.redelivered);
      });
      await using next = await new Worker(app, { queues: [name], concurrency: 1 }).start();
      await until(() => runs.length > 0);
      await next.shutdown();
      assert.deepEqual(runs, [true]);
    });
  });
