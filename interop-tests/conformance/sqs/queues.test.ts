import assert from "node:assert/strict";
import { DeleteQueueCommand, ListQueueTagsCommand, SQSClient } from "@aws-sdk/client-sqs";
import * as sdk from "@aws-sdk/client-sqs";
import { Celery } from "../../../src/index.js";
import { NotSupported, OperationalError, PublishError, QueueNotFound } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { until } from "../../../src/testing/harness.js";
import { uniqueName } from "../../drivers/index.js";
import { freePort } from "../../servers/local.js";
import { needShared } from "../../servers/shared.js";
import { SqsStage } from "./stage.js";

/** Where queues come from, and what a message is in SQS. */
describe("sqs broker: queues and messages", function () {
  this.timeout(30_000);
  let stage: SqsStage;

  before(async function () {
    stage = new SqsStage((await needShared(this, "sqs")).url);
  });
  afterEach(() => stage.reset());
  after(() => stage?.end());

  describe("queues", () => {
    it("are created with kombu's name, timeout, attributes and tags", async () => {
      const name = uniqueName("made.here");
      const broker = stage.open({
        queue_name_prefix: "our.",
        visibility_timeout: "77.9",
        "sqs-creation-attributes": { ReceiveMessageWaitTimeSeconds: "7" },
        queue_tags: { team: "backend" },
      });
      await broker.declare(queue(name));
      const url = await stage.urlOf(`our-${name.replaceAll(".", "-")}`);
      const attributes = await stage.attributes(url);
      assert.equal(attributes["VisibilityTimeout"], "77");
      assert.equal(attributes["ReceiveMessageWaitTimeSeconds"], "7");
      const { Tags } = await stage.raw.send(new ListQueueTagsCommand({ QueueUrl: url }));
      assert.deepEqual(Tags, { team: "backend" });
    });

    it("that exist are used as they are, whatever their attributes", async () => {
      const { name, url } = await stage.queue({ VisibilityTimeout: "99" });
      const broker = stage.open({ visibility_timeout: 5 });
      await broker.publish(textMessage("x"), toQueue(name), { declare: [queue(name)] });
      assert.equal((await stage.attributes(url))["VisibilityTimeout"], "99");
      assert.equal(await broker.size(name), 1);
    });

    it("that are deleted behind our back are made again, for senders and consumers", async () => {
      const { name, url } = await stage.queue();
      // ElasticMQ answers a poll that was waiting only after half a minute.
      const broker = stage.open({ "client-config": { read_timeout: 2 } });
      let connected = 0;
      const reader = new Reader(broker.consume([queue(name)], { onConnected: () => connected++ }));
      await broker.publish(textMessage("a"), toQueue(name));
      await (await reader.nth(0)).ack();
      await stage.raw.send(new DeleteQueueCommand({ QueueUrl: url }));
      await until("the consumer to be back", () => connected === 2);
      await broker.publish(textMessage("b"), toQueue(name));
      await (await reader.nth(1)).ack();
      assert.deepEqual(reader.texts, ["a", "b"]);
    });

    it("of an application with remote control and events: both are refused by name", async () => {
      const app = new Celery({
        broker: stage.url,
        backend: "disabled://",
        brokerTransportOptions: { region: "us-east-1" },
      });
      await assert.rejects(
        app.control.broadcast("ping"),
        (error: unknown) => error instanceof NotSupported && /sqs/.test(error.message),
      );
      await app.close();
    });
  });

  describe("predefined queues", () => {
    it("are found under both names, and never created or deleted", async () => {
      const { name, url } = await stage.queue({}, uniqueName("pre"));
      const broker = stage.open({ predefined_queues: { [name]: { url, access_key_id: "x", secret_access_key: "y" } } });
      await broker.connect();
      await broker.publish(textMessage("x"), toQueue(name), { declare: [queue(name)] });
      const reader = await new Reader(broker.consume([queue(name)])).has(1);
      await (await reader.nth(0)).ack();
      await broker.delete(queue(name));
      await until("the message to be deleted", async () => (await stage.counts(url)).hidden === 0);
      assert.deepEqual(await stage.counts(url), { waiting: 0, hidden: 0 });
      for (const call of [
        () => broker.declare(queue("unknown")),
        () => broker.publish(textMessage("x"), toQueue("unknown")),
        () => broker.size("unknown"),
      ])
        await assert.rejects(
          call(),
          (error: unknown) =>
            error instanceof QueueNotFound &&
            /"unknown".*predefined_queues/.test(error.message) &&
            error.message.includes(name),
        );
    });

    it("that do not exist at the server are an error, not created", async () => {
      const name = uniqueName("pre");
      const url = `${new URL(stage.url.replace("sqs:", "http:")).origin}/000000000000/${name}`;
      const broker = stage.open({ predefined_queues: { [name]: { url } } });
      await assert.rejects(
        broker.publish(textMessage("x"), toQueue(name)),
        (error: unknown) =>
          error instanceof OperationalError && !error.retriable && /DoesNotExist|NonExistent/.test(error.message),
      );
    });
  });

  describe("messages", () => {
    it("are base64 of the envelope, or the envelope itself; both are read whatever the option", async () => {
      const { name, url } = await stage.queue();
      const [encoded, plain] = [stage.open(), stage.open({ sqs_base64_encoding: false })];
      await encoded.publish(textMessage("a"), toQueue(name));
      const [first] = await stage.receive(url);
      const envelope = JSON.parse(Buffer.from(first?.Body ?? "", "base64").toString()) as { body: string };
      assert.equal(Buffer.from(envelope.body, "base64").toString(), "a");
      await plain.publish(textMessage("b"), toQueue(name));
      const [second] = await stage.receive(url);
      assert.equal(Buffer.from((JSON.parse(second?.Body ?? "") as { body: string }).body, "base64").toString(), "b");
      await plain.publish(textMessage("c"), toQueue(name));
      await encoded.publish(textMessage("d"), toQueue(name));
      for (const broker of [encoded]) {
        const reader = await new Reader(broker.consume([queue(name)])).has(2);
        assert.deepEqual(reader.texts.sort(), ["c", "d"]);
      }
    });

    it("carry attributes beside the envelope, and back to those who ask for them", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open({
        fetch_message_attributes: { MessageSystemAttributeNames: ["SentTimestamp"], MessageAttributeNames: ["All"] },
      });
      const message_attributes = { trace: { DataType: "String", StringValue: "abc" } };
      const message = textMessage("x", { other: { message_attributes, MessageGroupId: "tenant-1" } });
      await broker.publish(message, toQueue(name));
      const reader = new Reader(broker.consume([queue(name)]));
      const { properties } = (await reader.nth(0)).message;
      assert.deepEqual(JSON.parse(JSON.stringify(properties.other?.["message_attributes"])), message_attributes);
      assert.ok(Number((properties.other?.["sqs_attributes"] as Record<string, string>)["SentTimestamp"]) > 0);
      await reader.consumer.close();
      const [raw] = await stage.receive(url);
      const envelope = Buffer.from(raw?.Body ?? "", "base64").toString();
      assert.deepEqual(raw?.MessageAttributes?.["trace"]?.StringValue, "abc");
      assert.ok(!envelope.includes("message_attributes"));
      assert.ok(envelope.includes('"MessageGroupId": "tenant-1"'));
      assert.equal(raw?.Attributes?.MessageGroupId, "tenant-1");
    });

    it("of applyAsync take properties for SQS", async () => {
      const { name, url } = await stage.queue();
      const app = new Celery({
        broker: stage.url,
        backend: "disabled://",
        brokerTransportOptions: { region: "us-east-1" },
        taskDefaultQueue: name,
      });
      const task = app.task<() => void>("proj.task");
      await task.applyAsync([], { properties: { MessageGroupId: "g", DelaySeconds: 1 } });
      assert.equal((await stage.attributes(url))["ApproximateNumberOfMessagesDelayed"], "1");
      await until("the delay to be over", async () => (await stage.counts(url)).waiting === 1);
      const [raw] = await stage.receive(url);
      assert.equal(raw?.Attributes?.MessageGroupId, "g");
      await app.close();
    });

    it("may be late by whole seconds up to fifteen minutes; other delays are refused or cut with a warning", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open();
      const delayed = (other: object): Promise<void> =>
        broker.publish(textMessage("x", { other: { ...other } }), toQueue(name));
      await delayed({ delay_seconds: 1.9 });
      await delayed({ DelaySeconds: "1000" });
      assert.equal((await stage.attributes(url))["ApproximateNumberOfMessagesDelayed"], "2");
      assert.match(stage.warnings().join("\n"), /at most 900 s/);
      await assert.rejects(delayed({ DelaySeconds: -1 }), PublishError);
      await assert.rejects(delayed({ DelaySeconds: "soon" }), /DelaySeconds "soon"/);
      await delayed({ DelaySeconds: null });
      assert.equal(await broker.size(name), 1);
    });

    it("that are too large are refused before they are sent, with the limit and a remedy", async () => {
      const { name } = await stage.queue();
      const broker = stage.open({ message_size_limit: 262_144 });
      const message = (size: number): ReturnType<typeof textMessage> => textMessage("x".repeat(size));
      await assert.rejects(
        broker.publish(message(150_000), toQueue(name)),
        (error: unknown) => error instanceof PublishError && /262144.*message_size_limit.*compress/.test(error.message),
      );
      await broker.publish(message(broker.capabilities.maxBody ?? 0), toQueue(name));
      const tooMuch = { a: { DataType: "String", StringValue: "x".repeat(262_144) } };
      await assert.rejects(
        broker.publish(textMessage("x", { other: { message_attributes: tooMuch } }), toQueue(name)),
        PublishError,
      );
    });

    it("sent at once travel together, and one that is refused fails alone", async () => {
      const { name, url } = await stage.queue();
      const broker = stage.open();
      const publish = (other: Record<string, unknown> = {}): Promise<void> =>
        broker.publish(textMessage("x", { other }), toQueue(name));
      await publish();
      let requests = 0;
      const counting = stage.open({}, { lib: countingClient(stage, () => requests++) });
      await counting.publish(textMessage("x"), toQueue(name));
      requests = 0;
      const sendWith = async (bad: Record<string, unknown>): Promise<void> => {
        requests = 0;
        const sent = await Promise.allSettled(
          Array.from({ length: 20 }, (_, index) =>
            counting.publish(textMessage("y", index === 3 ? { other: bad } : {}), toQueue(name)),
          ),
        );
        const failed = sent.flatMap((one, index) =>
          one.status === "rejected" && one.reason instanceof PublishError ? [index] : [],
        );
        assert.deepEqual(failed, [3]);
      };
      const attribute = (DataType: string, StringValue: string): Record<string, unknown> => ({
        message_attributes: { x: { DataType, StringValue } },
      });
      await sendWith(attribute("Number", "no number"));
      assert.equal(requests, 2);
      assert.equal((await stage.counts(url)).waiting, 21);
      // Refused as a whole: ElasticMQ does not say which of the ten it was.
      await sendWith(attribute("Nonsense", "1"));
      assert.equal(requests, 12);
      assert.equal((await stage.counts(url)).waiting, 40);
      await assert.rejects(publish(attribute("Number", "no number")), PublishError);
    });

    it("of others are handed out with their text as body", async () => {
      const { name, url } = await stage.queue();
      const texts = ["plain text", '{"Type": "Notification", "Message": "m"}', Buffer.from("text").toString("base64")];
      for (const text of texts) await stage.send(url, text);
      const broker = stage.open();
      const reader = await new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack()).hasOnly(3);
      assert.deepEqual(reader.texts.sort(), ["plain text", "text", texts[1]].sort());
      assert.ok(reader.deliveries.every(({ message }) => message.contentType === null));
      await until("all of them deleted", async () => (await stage.counts(url)).hidden === 0);
    });
  });

  describe("FIFO queues", () => {
    it("keep the order of each group, and hold a group back while a message of it is in hand", async () => {
      const { name } = await stage.queue({}, `${uniqueName("ordered")}.fifo`);
      const broker = stage.open();
      const send = (text: string, group?: string): Promise<void> =>
        broker.publish(textMessage(text, group ? { other: { MessageGroupId: group } } : {}), toQueue(name));
      await Promise.all(["a1", "a2", "a3", "a4"].map((text) => send(text, "a")));
      await Promise.all(["b1", "b2"].map((text) => send(text, "b")));
      await Promise.all(["x1", "x2"].map((text) => send(text)));
      const reader = new Reader(broker.consume([queue(name)], { prefetch: 1 }), (delivery) => delivery.ack());
      await reader.hasOnly(8);
      const of = (group: string): string[] => reader.texts.filter((text) => text.startsWith(group));
      assert.deepEqual(
        [of("a"), of("b"), of("x")],
        [
          ["a1", "a2", "a3", "a4"],
          ["b1", "b2"],
          ["x1", "x2"],
        ],
      );
    });

    it("drop a second message with the same deduplication id, and take no delay", async () => {
      const { name, url } = await stage.queue({}, `${uniqueName("once")}.fifo`);
      const broker = stage.open();
      const other = { MessageDeduplicationId: "same", DelaySeconds: 5 };
      for (const text of ["1", "2"]) await broker.publish(textMessage(text, { other }), toQueue(name));
      assert.equal((await stage.counts(url)).waiting, 1);
      assert.match(stage.warnings().join("\n"), /FIFO queues take no delay/);
    });

    it("are created when their name ends in .fifo", async () => {
      const name = `${uniqueName("new")}.fifo`;
      const broker = stage.open();
      await broker.publish(textMessage("x"), toQueue(name));
      assert.equal((await stage.attributes(await stage.urlOf(name)))["FifoQueue"], "true");
    });
  });

  describe("connecting", () => {
    it("to nobody fails with one error that can be retried and shows no secret", async () => {
      const broker = stage.open({}, {}, `sqs://key:geheim@127.0.0.1:${await freePort()}`);
      for (const call of [() => broker.connect(), () => broker.publish(textMessage("x"), toQueue("q"))])
        await assert.rejects(
          call(),
          (error: unknown) =>
            error instanceof OperationalError &&
            error.retriable &&
            /ECONNREFUSED/.test(error.message) &&
            !error.message.includes("geheim"),
        );
    });

    it("takes the SDK's module, or a ready client that stays the caller's", async () => {
      const { name } = await stage.queue();
      const ready = new SQSClient({
        endpoint: `http://${new URL(stage.url.replace("sqs:", "http:")).host}`,
        region: "us-east-1",
        credentials: { accessKeyId: "x", secretAccessKey: "y" },
      });
      for (const lib of [sdk, ready]) {
        const broker = stage.open({}, { lib }, lib === ready ? "sqs://" : stage.url);
        await broker.publish(textMessage("x"), toQueue(name));
        await broker.close();
      }
      assert.equal(await stage.open({}, { lib: ready }, "sqs://").size(name), 2);
      ready.destroy();
      await assert.rejects(stage.open({}, { lib: {} }).connect(), /"lib" option of an SQS broker/);
    });
  });
});

/** A client of the stage's server that counts the requests that send. */
function countingClient(stage: SqsStage, sending: () => void): SQSClient {
  const { raw } = stage;
  return {
    config: raw.config,
    send: (command: { constructor: { name: string } }, ...rest: unknown[]) => {
      if (command.constructor.name.startsWith("SendMessage")) sending();
      return (raw.send as (...all: unknown[]) => unknown).call(raw, command, ...rest);
    },
    destroy: () => undefined,
  } as unknown as SQSClient;
}
