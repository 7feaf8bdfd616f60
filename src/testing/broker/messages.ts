import assert from "node:assert/strict";
import { CeleryError, ImproperlyConfigured, PublishError } from "../../errors.js";
import { queue as queueOf, toQueue } from "../../protocol/queue.js";
import { assertTexts, newName, Reader, textMessage, textOf } from "./scene.js";
import type { Define } from "./scene.js";
import { until } from "../harness.js";

/** What goes in comes out: bytes, headers, properties, order, sizes, names. */
export function messageTests(define: Define): void {
  define("carries bytes, headers and properties unchanged", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    const body = Uint8Array.from({ length: 256 }, (_, index) => index);
    const headers = {
      task: "proj.add",
      nothing: null,
      yes: true,
      small: 3,
      negative: -200,
      large: 300,
      huge: 2 ** 40,
      fraction: 1.5,
      list: [null, 300, "x"],
      nested: { ключ: "значение €", deep: { empty: {} } },
    };
    const properties = {
      correlationId: "an-id",
      replyTo: "reply-queue",
      deliveryMode: 2 as const,
      priority: 5,
    };
    const sent = { body, contentType: "application/x-test", contentEncoding: "binary", headers, properties };
    await broker.publish(sent, toQueue(queue.name), { declare: [queue] });
    const reader = new Reader(broker.consume([queue]));
    const { message, info, queue: from } = await reader.nth(0);
    assert.deepEqual(Buffer.from(message.body), Buffer.from(body));
    assert.equal(message.contentType, sent.contentType);
    assert.equal(message.contentEncoding, sent.contentEncoding);
    assert.deepEqual({ ...message.headers }, headers);
    const { correlationId, replyTo, deliveryMode, priority } = message.properties;
    assert.deepEqual({ correlationId, replyTo, deliveryMode, priority }, properties);
    assert.equal(from, queue.name);
    assert.deepEqual({ ...info }, { exchange: "", routingKey: queue.name, priority: 5, redelivered: false });
  });

  define("carries messages without any headers or properties", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    const bare = { body: new Uint8Array(), contentType: null, contentEncoding: null, headers: {}, properties: {} };
    await broker.publish(bare, toQueue(queue.name), { declare: [queue] });
    const { message, info } = await new Reader(broker.consume([queue])).nth(0);
    assert.equal(message.body.length, 0);
    assert.deepEqual({ ...message.headers }, {});
    assert.equal(message.properties.correlationId ?? undefined, undefined);
    assert.equal(info.priority ?? 0, 0);
  });

  define("keeps the order of arrival", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    const texts = Array.from({ length: 200 }, (_, index) => `n${index}`);
    await broker.declare(queue);
    for (const text of texts) await broker.publish(textMessage(text), toQueue(queue.name));
    const reader = await new Reader(broker.consume([queue])).has(texts.length);
    assertTexts(broker, reader.texts, texts);
  });

  define("carries a body of one mebibyte, or as much as it claims and refuses that mebibyte", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    const { maxBody = 2 ** 20 } = broker.capabilities;
    const send = async (length: number): Promise<Uint8Array> => {
      const body = Uint8Array.from({ length }, (_, index) => (index * 7919) % 251);
      await broker.publish({ ...textMessage(""), body }, toQueue(queue.name), { declare: [queue] });
      return body;
    };
    if (maxBody < 2 ** 20) await assert.rejects(send(2 ** 20), PublishError);
    const body = await send(maxBody);
    const { message } = await new Reader(broker.consume([queue])).nth(0);
    assert.ok(Buffer.from(message.body).equals(Buffer.from(body)));
  });

  define("works with unusual queue names, or refuses those that it says it cannot have", async (scene) => {
    const broker = await scene.open();
    const { queueNames = /^/ } = broker.capabilities;
    for (const name of ["ключ ü 日本", "a b.c-d_e@host", "x{y}[z]*?#", `"quoted"'`, "%2f+%"]) {
      const wanted = newName(name);
      if (!queueNames.test(wanted)) {
        await assert.rejects(broker.declare(queueOf(wanted)), ImproperlyConfigured);
        continue;
      }
      const queue = scene.queue({ name: wanted });
      await broker.publish(textMessage(name), toQueue(queue.name), { declare: [queue] });
      const consumer = broker.consume([queue]);
      const delivery = await new Reader(consumer).nth(0);
      assert.equal(textOf(delivery), name);
      await delivery.ack();
      await consumer.close();
      assert.equal(await broker.size(queue.name), 0);
    }
  });

  define("takes a thousand publishes at once and delivers each of them once", async (scene) => {
    const [sender, receiver] = [await scene.open(), await scene.open()];
    const queue = scene.queue();
    await sender.declare(queue);
    const texts = Array.from({ length: 1000 }, (_, index) => `n${index}`);
    await Promise.all(
      texts.map((text) => sender.publish(textMessage(text), toQueue(queue.name), { declare: [queue] })),
    );
    await until("1000 waiting messages", async () => (await sender.size(queue.name)) === 1000);
    const reader = new Reader(receiver.consume([queue], { prefetch: 50 }), (delivery) => delivery.ack());
    await reader.hasOnly(texts.length);
    assertTexts(receiver, reader.texts, texts);
  });

  define("a message outlives the broker object that sent it", async (scene) => {
    const queue = scene.queue();
    const sender = await scene.open();
    await sender.publish(textMessage("later"), toQueue(queue.name), { declare: [queue] });
    await sender.close();
    const receiver = await scene.open();
    assert.equal(textOf(await new Reader(receiver.consume([queue])).nth(0)), "later");
  });

  define("closing loses nothing that was published before it", async (scene) => {
    const queue = scene.queue();
    const sender = await scene.open();
    await sender.declare(queue);
    const sent = Array.from({ length: 100 }, (_, n) => sender.publish(textMessage(`n${n}`), toQueue(queue.name)));
    await sender.close();
    await Promise.all(sent);
    await new Reader((await scene.open()).consume([queue])).has(100);
  });

  define("publishing stops waiting when its signal aborts", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    await broker.declare(queue);
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    const one = broker.publish(textMessage("x"), toQueue(queue.name), { signal: aborted });
    await assert.rejects(one, (error) => error === reason);
    const abort = new AbortController();
    const other = broker.publish(textMessage("y"), toQueue(queue.name), { signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(other, (error) => error === reason);
    await broker.publish(textMessage("z"), toQueue(queue.name), { signal: new AbortController().signal });
  });

  define("sizes, purges and deletes, and takes what is missing for empty", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    assert.equal(await broker.size(newName("missing")), 0);
    assert.equal(await broker.purge(newName("missing")), 0);
    await broker.delete(scene.queue());
    await broker.declare(queue);
    for (let n = 0; n < 3; n++) await broker.publish(textMessage("x"), toQueue(queue.name));
    await until("three waiting messages", async () => (await broker.size(queue.name)) === 3);
    assert.equal(await broker.purge(queue.name), 3);
    assert.equal(await broker.size(queue.name), 0);
    await broker.publish(textMessage("y"), toQueue(queue.name));
    await broker.delete(queue);
    assert.equal(await broker.size(queue.name), 0);
  });

  define("declares a queue any number of times, also at once", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    await Promise.all([broker.declare(queue), broker.declare(queue), broker.declare({ ...queue })]);
    await (await scene.open()).declare(queue);
    await broker.publish(textMessage("once"), toQueue(queue.name), { declare: [queue, queue] });
    await new Reader(broker.consume([queue, queue])).hasOnly(1);
  });

  define("refuses everything after close with a typed error, and closes twice", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    await broker.connect();
    await broker.close();
    await broker.close();
    const typed = (error: unknown): boolean => error instanceof CeleryError;
    await assert.rejects(broker.connect(), typed);
    await assert.rejects(broker.declare(queue), typed);
    await assert.rejects(broker.publish(textMessage("x"), toQueue(queue.name)), typed);
    await assert.rejects(broker.size(queue.name), typed);
    await assert.rejects(broker.purge(queue.name), typed);
    await assert.rejects(broker.delete(queue), typed);
    await assert.rejects(async () => {
      for await (const _ of broker.consume([queue]));
    }, typed);
  });
}
