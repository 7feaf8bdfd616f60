import { type Arguments, type Command, CommandError, type ControlHost, ok } from "./command.js";

function addConsumer(
  host: ControlHost,
  { queue, exchange, exchange_type, routing_key, ...options }: Arguments,
): unknown {
  const name = queueName(queue);
  host.addQueue({
    name,
    exchange: textOr(exchange, name),
    exchangeType: textOr(exchange_type, "direct"),
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
