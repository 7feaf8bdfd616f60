import type { Options } from "amqplib";
import { EncodeError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import { encodeTable } from "./encode-table.js";

/** RabbitMQ refuses a longer life, 49 days, and the channel with it. */
const LONGEST_LIFE = 2 ** 32 - 1;

/**
 * A kombu message as amqplib's publish options: the parts travel as basic properties and header table, nothing is added.
 *
 * @throws EncodeError for headers or properties that AMQP cannot carry
 */
export function publishOptions(message: Message, mandatory: boolean): Options.Publish {
  const { properties } = message;
  const { expiration, other } = properties;
  if (expiration !== undefined && !/^\d+$/.test(expiration))
    throw new EncodeError(
      `the expiration ${JSON.stringify(expiration)} is refused by RabbitMQ; it must be whole milliseconds as text`,
    );
  const options = {
    contentType: message.contentType ?? undefined,
    contentEncoding: message.contentEncoding ?? undefined,
    headers: encodeTable(message.headers),
    deliveryMode: properties.deliveryMode,
    priority: properties.priority,
    correlationId: properties.correlationId,
    replyTo: properties.replyTo,
    // What expires later lives on here: whoever takes it looks at its own time.
    expiration: Number(expiration) > LONGEST_LIFE ? undefined : expiration,
    mandatory,
  };
  // Python passes these through too; whatever else is in `other` belongs to virtual transports.
  if (other !== undefined)
    Object.assign(options, {
      messageId: other.message_id,
      appId: other.app_id,
      userId: other.user_id,
      type: other.type,
      timestamp: other.timestamp,
    });
  return options as Options.Publish;
}

/** What amqplib's encoder objects to, in our words; undefined when the error is of another kind. */
export function encodingProblem(error: unknown, message: Message): EncodeError | undefined {
  if (error instanceof EncodeError) return error;
  if (!(error instanceof RangeError || error instanceof TypeError)) return undefined;
  const long = Object.keys(message.headers).find((key) => Buffer.byteLength(key) > 255);
  if (long !== undefined)
    return new EncodeError(
      `the header name ${JSON.stringify(long.slice(0, 40))}… is longer than the limit of 255 bytes`,
      {
        cause: error,
      },
    );
  if (/exceeds the \d+ byte/.test(error.message))
    return new EncodeError(
      "the headers are larger than the limit of 65536 bytes in all; put large values into the task's arguments",
      { cause: error },
    );
  return new EncodeError(`the message cannot be written as AMQP: ${error.message}`, { cause: error });
}
