import type { Backend } from "../../src/backends/backend.js";
import { toQueue } from "../../src/protocol/queue.js";
import type { BackendDriver, Place } from "./driver.js";
import { commonPlace, openBrokerAt } from "./place.js";

/** Results that travel through a broker: of the place itself nothing has to be known. */
export const rpcOver = (broker: string, server: BackendDriver["server"]): BackendDriver => ({
  name: `rpc-${broker}`,
  server,
  over: broker,
  prepare: () => Promise.resolve(commonPlace("rpc://", null)),
  ...(broker === "amqp" && { secret: "guest:guest" }),
  corrupt: corruptAnswer,
});

/** An answer whose body is broken. */
async function corruptAnswer(place: Place, reader: Backend, taskId: string, body: Uint8Array): Promise<void> {
  const broker = await openBrokerAt(place);
  const properties = { correlationId: taskId, deliveryMode: 1 as const };
  const message = { body, contentType: "application/json", contentEncoding: "utf-8", headers: {}, properties };
  await broker.publish(message, toQueue(reader.replyTo ?? ""), { mandatory: false });
  await broker.close();
}

export const rpcOverAmqp = rpcOver("amqp", "rabbitmq");
export const rpcOverRedis = rpcOver("redis", "redis");
export const rpcOverMemory = rpcOver("memory", null);
