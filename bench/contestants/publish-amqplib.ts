import { randomUUID } from "node:crypto";
import { connect } from "amqplib";
import { body, headers } from "./envelope.js";
import { publishAll, task } from "./measure.js";

const connection = await connect(task.url, { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertQueue(task.queue, { durable: true });
await publishAll(() => {
  const id = randomUUID();
  const properties = { contentType: "application/json", contentEncoding: "utf-8", deliveryMode: 2, priority: 0 };
  const options = { ...properties, headers: headers(id), correlationId: id, replyTo: "", mandatory: true };
  const failed = (cause: unknown): Error => new Error("not confirmed", { cause });
  return new Promise<void>((resolve, reject) => {
    channel.publish("", task.queue, body(), options, (cause: unknown) => (cause ? reject(failed(cause)) : resolve()));
  });
});
await connection.close();
