import type { MessageAttributeValue } from "@aws-sdk/client-sqs";
import { PublishError } from "../../errors.js";
import { newId } from "../../util/id.js";
import type { Logger } from "../../util/logger.js";
import { encodeBody } from "./body.js";
import type { QueueAddress } from "./queues.js";
import type { Sending } from "./sender.js";
import type { SqsSettings } from "./settings.js";

type Properties = Readonly<Record<string, unknown>>;

/** Amazon's limit for `DelaySeconds`. */
const LONGEST_DELAY = 900;

/** The property that travels as attributes of the SQS message and not in its text. */
export const ATTRIBUTES = "message_attributes";

/**
 * A SendMessage request, made of the envelope and the properties that kombu looks at (`Channel._put`).
 *
 * @throws PublishError for what SQS would not take: too large a message, properties of a wrong kind
 */
export function sendRequest(
  address: QueueAddress,
  text: string,
  properties: Properties,
  settings: SqsSettings,
  logger: Logger,
): Sending {
  const { url, fifo, name } = address;
  const body = encodeBody(text, settings.base64);
  const attributes = messageAttributes(properties, name);
  const size = sizeOf(body, attributes, name, settings);
  const group = textProperty(properties, "MessageGroupId", name) ?? (fifo ? "default" : undefined);
  const delay = delaySeconds(properties, name, logger);
  if (fifo && delay !== undefined)
    logger.warn(`FIFO queues take no delay for single messages: that of ${delay} s for queue ${name} is ignored`);
  const request = {
    QueueUrl: url,
    MessageBody: body,
    ...(attributes && { MessageAttributes: attributes }),
    ...(group !== undefined && { MessageGroupId: group }),
    ...(fifo && {
      MessageDeduplicationId: textProperty(properties, "MessageDeduplicationId", name) ?? newId(),
    }),
    ...(!fifo && delay !== undefined && { DelaySeconds: delay }),
  };
  return { request, size };
}

function textProperty(properties: Properties, property: string, queue: string): string | undefined {
  const value = properties[property] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw new PublishError(
    `a message for queue ${queue} has the property ${property} ${JSON.stringify(value)}: expected a text`,
  );
}

/** Both spellings, whole seconds, at most 900 with a warning, as in kombu; but what is no number is refused. */
function delaySeconds(properties: Properties, queue: string, logger: Logger): number | undefined {
  const property = properties["delay_seconds"] == null ? "DelaySeconds" : "delay_seconds";
  const value = properties[property] ?? undefined;
  if (value === undefined) return undefined;
  const seconds = typeof value === "number" || typeof value === "string" ? Math.trunc(Number(value)) : NaN;
  if (!(seconds >= 0))
    throw new PublishError(
      `a message for queue ${queue} has the property ${property} ${JSON.stringify(value)}: expected seconds, from 0 to ${LONGEST_DELAY}`,
    );
  if (seconds <= LONGEST_DELAY) return seconds;
  logger.warn(
    `a message for queue ${queue} has a delay of ${seconds} s: SQS has at most ${LONGEST_DELAY} s, which it gets (use countdown or eta for more)`,
  );
  return LONGEST_DELAY;
}

function messageAttributes(properties: Properties, queue: string): Record<string, MessageAttributeValue> | undefined {
  const given = properties[ATTRIBUTES] ?? undefined;
  if (given === undefined) return undefined;
  const isValue = (value: unknown): value is MessageAttributeValue =>
    typeof value === "object" && value !== null && "DataType" in value && typeof value.DataType === "string";
  if (typeof given !== "object" || Array.isArray(given) || !Object.values(given).every(isValue))
    throw new PublishError(
      `a message for queue ${queue} has ${ATTRIBUTES} that SQS cannot take: expected ` +
        `{ name: { DataType: "String", StringValue: "..." } }`,
    );
  return given as Record<string, MessageAttributeValue>;
}

/** Bytes as SQS counts them: the text, and of attributes names, types and values. */
function sizeOf(
  body: string,
  attributes: Readonly<Record<string, MessageAttributeValue>> | undefined,
  queue: string,
  { messageSizeLimit, base64 }: SqsSettings,
): number {
  let size = base64 ? body.length : Buffer.byteLength(body);
  for (const [name, value] of Object.entries(attributes ?? {}))
    size +=
      Buffer.byteLength(name) +
      Buffer.byteLength(value.DataType ?? "") +
      Buffer.byteLength(value.StringValue ?? "") +
      (value.BinaryValue?.byteLength ?? 0);
  if (size > messageSizeLimit)
    throw new PublishError(
      `a message for queue ${queue} takes ${size} bytes, more than the ${messageSizeLimit} of SQS (message_size_limit): ` +
        `compress it, or send a reference to data that lies elsewhere` +
        (base64 ? "; sqs_base64_encoding: false makes it a quarter smaller" : ""),
    );
  return size;
}

/** Room for the envelope around a task's body: its headers and properties. */
const ENVELOPE = 8192;

/** Bytes that the body of any usual message may have: it is base64 in the envelope, which is base64 itself. */
export const largestBody = ({ messageSizeLimit, base64 }: SqsSettings): number =>
  Math.max(
    0,
    Math.floor(Math.floor(base64 ? (messageSizeLimit / 4) * 3 - ENVELOPE : messageSizeLimit - ENVELOPE) / 4) * 3,
  );
