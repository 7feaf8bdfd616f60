import type { ExchangeType } from "../../protocol/queue.js";
import { type Arguments, type Command, CommandError, type ControlHost, ok } from "./command.js";

function addConsumer(
  host: ControlHost,
  { queue, exchange, exchange_type, routing_key, ...options }: Arguments,
): unknown {
  const name = queueName(queue);
  host.addQueue({
    name,
    exchange: textOr(exchange, name),
    exchangeType: exchangeTypeOf(textOr(exchange_type, "direct")),
    routingKey: textOr(routing_key, name),
    options,
  });
  return ok(`add consumer ${name}`);
}

function cancelConsumer(host: ControlHost, { queue }: Arguments): unknown {
  const name = queueName(queue);
  host.cancelQueue(name);
  return ok(`no longer consuming from ${name}`);
}

function queueName(value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new CommandError("TypeError", "queue must be the name of a queue");
}

function exchangeTypeOf(value: string): ExchangeType {
  const known = TYPES.find((type) => type === value);
  if (known) return known;
  throw new CommandError("ValueError", `exchange_type must be one of ${TYPES.join(", ")}`);
}

const TYPES: readonly ExchangeType[] = ["direct", "topic", "fanout", "headers"];

const textOr = (value: unknown, otherwise: string): string =>
  typeof value === "string" && value !== "" ? value : otherwise;

export const queueCommands: readonly Command[] = [
  {
    name: "add_consumer",
    required: ["queue"],
    optional: ["exchange", "exchange_type", "routing_key"],
    run: addConsumer,
  },
  { name: "cancel_consumer", required: ["queue"], run: cancelConsumer },
];
