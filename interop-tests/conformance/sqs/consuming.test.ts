import assert from "node:assert/strict";
import { ChangeMessageVisibilityBatchCommand } from "@aws-sdk/client-sqs";
import { Celery } from "../../../src/index.js";
import { OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage, textOf } from "../../../src/testing/broker/scene.js";
import { expectReleased, openResources, until, within } from "../../../src/testing/harness.js";
import { deferred } from "../../../src/util/deferred.js";
import type { Deferred } from "../../../src/util/deferred.js";
import { sleep } from "../../../src/util/time.js";
import { Worker } from "../../../src/worker/index.js";
import { uniqueName } from "../../drivers/index.js";
import { Proxy } from "../../results/proxy.js";
import { startServer } from "../../servers/index.js";
import type { Server } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { SqsStage } from "./stage.js";

/** Who has a message, for how long, and where it goes when nobody wants it. */
describe("sqs broker: consuming", function () {
  this.timeout(60_000);
  let server: Server;
  let stage: SqsStage;

  before(async function () {
    server = await need(this, () => startServer("sqs"));
    stage = new SqsStage(server.url);
  });
  afterEach(() => stage.reset());
  after(async () => {
    await stage?.end();
    await server?.stop();
  });

  const deadLetters = async (maxReceiveCount: number): Promise<{ policy: Record<string, string>; url: string }> => {
    const { url } = await stage.queue();
    const { QueueArn } = await stage.attributes(url);
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount });
    return { policy: { RedrivePolicy }, url };
  };

  describe("visibility", () => {
    it("is extended while a task runs: it is run once, however short the timeout", async () => {
      const { name, url } = await stage.queue({ VisibilityTimeout: "2" });
      const options = {
        broker: stage.url,
        backend: "disabled://",
        brokerTransportOptions: { region: "us-east-1", wait_time_seconds: 1 },
        taskDefaultQueue: name,
        taskAcksLate: true,
      };
      const runs: string[] = [];
      const workers = await Promise.all(
        ["one", "two"].map(async (who) => {
          const app = new Celery(options);
          app.task("long", async () => {
            runs.push(who);
            await sleep(5000);
          });
          return { app, worker: await new Worker(app, { concurrency: 1 }).start() };
        }),
      );
      const client = new Celery(options);
      await client.sendTask("long");
      await until("the task to end", async () => {
        const { waiting, hidden } = await stage.counts(url);
        return runs.length > 0 && waiting + hidden === 0;
      });
      await client.close();
      for (const { app, worker } of workers) {
        await worker.shutdown();
        await app.close();
      }
      assert.equal(runs.length, 1, runs.join());
    });

    it("is not extended when that is switched off", async () => {
      const { name } = await stage.queue({ VisibilityTimeout: "1" });
      const broker = stage.open({ extend_visibility: false });
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = await new Reader(broker.consume([queue(name)])).has(2);
      assert.deepEqual(
        reader.deliveries.slice(0, 2).map(({ info }) => info.redelivered),
        [false, true],
      );
    });

    it("lost all the same is told once, and the late acknowledgement does nothing", async () => {
      const { name, url } = await stage.queue({ VisibilityTimeout: "2" });
      const broker = stage.open();
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = await new Reader(broker.consume([queue(name)])).has(1);
      await broker.purge(name);
      await until("the warning", () => stage.warnings().some((line) => line.includes("no longer hidden")));
      await sleep(1500);
      assert.equal(stage.warnings().filter((line) => line.includes("no longer hidden")).length, 1);
      await (await reader.nth(0)).ack();
      await reader.consumer.close();
      assert.deepEqual(await stage.counts(url), { waiting: 0, hidden: 0 });
    });
  });

  describe("a renewal under way", () => {
    /** A client whose renewals do not leave before the gate is open. */
    const held = (): { lib: unknown; begun: Deferred<void>; gate: Deferred<void> } => {
      const [begun, gate] = [deferred(), deferred()];
      const send = async (command: unknown, options: unknown): Promise<unknown> => {
        const [entry] = command instanceof ChangeMessageVisibilityBatchCommand ? (command.input.Entries ?? []) : [];
        if (entry?.VisibilityTimeout === 9) {
          begun.resolve();
          await gate.promise;
        }
        return stage.raw.send(command as never, options as never);
      };
      return { lib: { send }, begun, gate };
    };

    it("does not hide again what is given back meanwhile", async () => {
      const { name, url } = await stage.queue({ VisibilityTimeout: "9" });
      const { lib, begun, gate } = held();
      const broker = stage.open({}, { lib });
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = await new Reader(broker.consume([queue(name)], { prefetch: 1 })).has(1);
      await begun.promise;
      const closing = reader.consumer.close();
      await sleep(200);
      gate.resolve();
      await closing;
      await until("the message to be back", async () => (await stage.counts(url)).waiting === 1, 1000);
    });

    it("that comes after an acknowledgement is no reason for a warning", async () => {
      const { name, url } = await stage.queue({ VisibilityTimeout: "9" });
      const { lib, begun, gate } = held();
      const broker = stage.open({}, { lib });
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = await new Reader(broker.consume([queue(name)], { prefetch: 1 })).has(1);
      await begun.promise;
      await (await reader.nth(0)).ack();
      await until("the message to be deleted", async () => (await stage.counts(url)).hidden === 0);
      gate.resolve();
      await reader.consumer.close();
      assert.deepEqual(stage.warnings(), []);
    });
  });

  describe("giving back", () => {
    it("hides a requeued message for wait_time_seconds, and shows at once what a closed consumer held", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open({ wait_time_seconds: 2 });
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = new Reader(broker.consume([queue(name)], { prefetch: 1 }));
      const rejectedAt = await (async () => {
        await (await reader.nth(0)).reject({ requeue: true });
        return performance.now();
      })();
      await reader.nth(1);
      assert.ok(performance.now() - rejectedAt > 1500);
      await reader.consumer.close();
      await until("the message to be back", async () => (await stage.counts(url)).waiting === 1, 1000);
    });

    it("takes nothing after stop: what a request under way still brings goes back", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open();
      const consumer = broker.consume([queue(name)]);
      const reader = new Reader(consumer);
      await broker.publish(textMessage("seen"), toQueue(name));
      await (await reader.nth(0)).ack();
      await sleep(50);
      await within("stop", consumer.stop(), 500);
      await broker.publish(textMessage("late"), toQueue(name));
      await consumer.close();
      await until("the late message to wait", async () => {
        const { waiting, hidden } = await stage.counts(url);
        return waiting === 1 && hidden === 0;
      });
      assert.deepEqual(reader.texts, ["seen"]);
    });

    it("never asks for more than there is room for, with more queues than room", async () => {
      const queues = await Promise.all([stage.queue(), stage.queue(), stage.queue()]);
      const broker = stage.open();
      for (const { name } of queues)
        for (const n of [1, 2, 3, 4]) await broker.publish(textMessage(`${name} ${n}`), toQueue(name));
      const reader = new Reader(
        broker.consume(
          queues.map(({ name }) => queue(name)),
          { prefetch: 2 },
        ),
      );
      await reader.hasOnly(2);
      const hidden = async (): Promise<number> => {
        const counts = await Promise.all(queues.map(({ url }) => stage.counts(url)));
        return counts.reduce((sum, one) => sum + one.hidden, 0);
      };
      assert.equal(await hidden(), 2);
      for (let next = 0; next < 12; next++) await (await reader.nth(next)).ack();
      await reader.hasOnly(12);
      await until("everything deleted", async () => (await hidden()) === 0);
      // All of them had their turn.
      assert.equal(new Set(reader.deliveries.slice(0, 6).map((one) => one.queue)).size, 3);
    });

    it("takes from a queue that was cancelled and added again while its request was under way", async () => {
      const { name } = await stage.queue();
      const broker = stage.open({ wait_time_seconds: 2 });
      const connected = deferred();
      const reader = new Reader(broker.consume([queue(name)], { onConnected: () => connected.resolve() }));
      await connected.promise;
      await sleep(100);
      const cancelled = reader.consumer.cancel(name);
      await reader.consumer.add(queue(name));
      await cancelled;
      await broker.publish(textMessage("x"), toQueue(name));
      await within("the message", reader.nth(0), 5000);
    });

    it("lets a busy queue flow beside empty ones, with room for one message", async () => {
      const [busy, ...empty] = await Promise.all([stage.queue(), stage.queue(), stage.queue()]);
      const broker = stage.open({ wait_time_seconds: 10 });
      for (let n = 0; n < 20; n++) await broker.publish(textMessage(`${n}`), toQueue(busy.name));
      const names = [busy, ...empty].map(({ name }) => queue(name));
      const reader = new Reader(broker.consume(names, { prefetch: 1 }), (delivery) => delivery.ack());
      await within("twenty messages", reader.has(20), 8000);
      // Whatever waits now waits a second at most, so that others get their turn.
      for (const { name } of empty) {
        // Counted before: the message may be here before the publish has its answer.
        const before = reader.deliveries.length;
        await broker.publish(textMessage(name), toQueue(name));
        await within("a message of a queue that was empty", reader.nth(before), 6000);
      }
    });
  });

  describe("acknowledgements", () => {
    it("of one turn go out together, ten by one request", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open();
      await Promise.all(Array.from({ length: 60 }, (_, n) => broker.publish(textMessage(`${n}`), toQueue(name))));
      const reader = await new Reader(broker.consume([queue(name)])).has(60);
      for (const delivery of reader.deliveries) void delivery.ack();
      await reader.consumer.close();
      assert.deepEqual(await stage.counts(url), { waiting: 0, hidden: 0 });
    });

    it("outlive a server that is away for a moment, which is not even told", async () => {
      const { name, url } = await stage.queue();
      const proxy = await Proxy.start({ host: "127.0.0.1", port: Number(new URL(stage.url).port) });
      const broker = stage.open({}, {}, stage.url.replace(/:\d+$/, `:${proxy.port}`));
      let lost = 0;
      const reader = new Reader(broker.consume([queue(name)], { onConnectionLost: () => lost++ }));
      await broker.publish(textMessage("x"), toQueue(name));
      const delivery = await reader.nth(0);
      proxy.cut();
      await delivery.ack();
      // Also the server's own end of the request that was cut off, which would take the next message with it.
      await sleep(1500);
      proxy.mend();
      await until("the message to be deleted", async () => {
        const { waiting, hidden } = await stage.counts(url);
        return waiting + hidden === 0;
      });
      await broker.publish(textMessage("y"), toQueue(name));
      assert.equal(textOf(await reader.nth(1)), "y");
      assert.equal(lost, 0);
      await broker.close();
      await proxy.close();
    });
  });

  describe("a server that went silent", () => {
    it("keeps nobody from closing, and leaves nothing behind", async () => {
      const { name } = await stage.queue();
      const proxy = await Proxy.start({ host: "127.0.0.1", port: Number(new URL(stage.url).port) });
      const before = openResources();
      const broker = stage.open({}, { connectionTimeout: 1 }, stage.url.replace(/:\d+$/, `:${proxy.port}`));
      const reader = new Reader(broker.consume([queue(name)]));
      for (const text of ["acknowledged", "held"]) await broker.publish(textMessage(text), toQueue(name));
      await reader.has(2);
      proxy.silence();
      void (await reader.nth(0)).ack();
      const sending = broker.publish(textMessage("x"), toQueue(name)).catch((error: unknown) => error);
      await within("close", broker.close(), 10_000);
      assert.ok((await sending) instanceof OperationalError);
      await proxy.close();
      await expectReleased(before);
    });
  });

  describe("rejected messages", () => {
    it("are deleted where there is no redrive policy", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open();
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = new Reader(broker.consume([queue(name)]));
      await (await reader.nth(0)).reject({ requeue: false });
      await until("the message to be deleted", async () => (await stage.counts(url)).hidden === 0);
      assert.equal((await stage.counts(url)).waiting, 0);
    });

    it("are left to the redrive policy, which takes them away in the end", async () => {
      const dead = await deadLetters(2);
      const { name } = await stage.queue({ ...dead.policy, VisibilityTimeout: "1" });
      const broker = stage.open();
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = new Reader(broker.consume([queue(name)]), (delivery) => delivery.reject({ requeue: false }));
      await until("the message to be dead", async () => (await stage.counts(dead.url)).waiting === 1);
      assert.deepEqual(reader.texts, ["x", "x"]);
    });

    it("of a task with a backoff policy come again after the time of their attempt, also beside a redrive policy", async () => {
      const { name, url } = await stage.queue({}, uniqueName("backoff"));
      const queues = { [name]: { url, backoff_policy: { 1: 1, 2: 3 }, backoff_tasks: ["proj.again"] } };
      const broker = stage.open({ predefined_queues: queues });
      const task = (name_: string): ReturnType<typeof textMessage> => ({
        ...textMessage(name_),
        headers: { task: name_ },
      });
      await broker.publish(task("proj.again"), toQueue(name));
      await broker.publish(task("proj.other"), toQueue(name));
      const times: number[] = [];
      const reader = new Reader(broker.consume([queue(name)]), async (delivery) => {
        if (textOf(delivery) === "proj.again") times.push(performance.now());
        await (times.length === 3 ? delivery.ack() : delivery.reject({ requeue: false }));
      });
      await reader.hasOnly(4);
      const [first = 0, second = 0, third = 0] = times;
      assert.ok(second - first > 800 && second - first < 2800, `${second - first}`);
      assert.ok(third - second > 2800, `${third - second}`);
      await until("nothing to be left", async () => {
        const { waiting, hidden } = await stage.counts(url);
        return waiting + hidden === 0;
      });
    });
  });
});
