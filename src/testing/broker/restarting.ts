import assert from "node:assert/strict";
import type { CeleryError } from "../../errors.js";
import { OperationalError } from "../../errors.js";
import { toQueue } from "../../protocol/queue.js";
import { sleep } from "../../util/time.js";
import { until, within } from "../harness.js";
import type { ServerControl } from "../harness.js";
import { Reader, textMessage } from "./scene.js";
import type { BrokerHarness, Define } from "./scene.js";

/** The server dies and comes back. */
export function restartTests(define: Define, harness: BrokerHarness, server: ServerControl): void {
  const checkError = (error: unknown): true => {
    assert.ok(error instanceof OperationalError, String(error));
    assert.equal(error.retriable, true);
    if (harness.secret) assert.ok(!error.message.includes(harness.secret), `the secret is in: ${error.message}`);
    return true;
  };

  define("survives the death of its server", async (scene) => {
    const [sender, receiver] = [await scene.open(), await scene.open()];
    if (harness.secret) assert.ok(!sender.displayUrl.includes(harness.secret));
    const queue = scene.queue();
    const lost: CeleryError[] = [];
    let connected = 0;
    const reader = new Reader(
      receiver.consume([queue], {
        prefetch: 10,
        onConnected: () => connected++,
        onConnectionLost: (error) => lost.push(error),
      }),
    );
    await until("the consumer to connect", () => connected === 1);
    await sender.publish(textMessage("before"), toQueue(queue.name), { declare: [queue] });
    const before = await reader.nth(0);

    await server.kill();
    await until("the consumer to notice", () => lost.length === 1);
    lost.every(checkError);
    await before.ack();
    await assert.rejects(
      within("a publish to fail", sender.publish(textMessage("down"), toQueue(queue.name))),
      checkError,
    );
    await assert.rejects(within("a size to fail", sender.size(queue.name)), checkError);
    await sleep(300);

    await server.start();
    await until("the consumer to come back", () => connected >= 2);
    assert.equal(lost.length, 1, "a lost connection is told once");
    await sender.publish(textMessage("after"), toQueue(queue.name), { declare: [queue] });
    await until("the message sent afterwards", () => reader.texts.includes("after"));
    await before.reject({ requeue: true });
    const after = reader.deliveries.filter((_, index) => reader.texts[index] === "after");
    assert.equal(after.length, 1);
    for (const delivery of after) await delivery.ack();
    // What was in hand may have survived with the server; a void delivery must not have come back by itself.
    const again = reader.texts.slice(1).filter((text) => text === "before").length;
    assert.ok(again <= 1, `the void delivery was put back ${again} times`);
    for (const delivery of reader.deliveries) await delivery.ack();
    await reader.consumer.close();
    assert.equal(reader.error, undefined);
    await until("an empty queue", async () => (await sender.size(queue.name)) === 0);
  });

  define("closes at once while its server is away", async (scene) => {
    const broker = await scene.open();
    const queue = scene.queue();
    let connected = 0;
    let lost = 0;
    const reader = new Reader(
      broker.consume([queue], { onConnected: () => connected++, onConnectionLost: () => lost++ }),
    );
    await until("the consumer to connect", () => connected === 1);
    await broker.publish(textMessage("held"), toQueue(queue.name));
    await reader.nth(0);
    await server.kill();
    await until("the consumer to notice", () => lost === 1);
    await within("close without a server", broker.close(), 5000);
    await within("the iteration to end", reader.end, 1000);
    await server.start();
  });
}
