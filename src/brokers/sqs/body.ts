import { isUtf8 } from "node:buffer";
import { dumps, loads } from "../../protocol/json.js";
import type { SqsMessage } from "./client.js";

/** How kombu's envelope travels in the text of an SQS message (kombu/transport/SQS, `AsyncMessage`). */

export const encodeBody = (text: string, base64: boolean): string =>
  base64
    ? Buffer.from(text, "utf8").toString("base64")
    : // The two characters that SQS does not take and that JSON does not escape.
      text.replaceAll(/[\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);

/** Canonical base64 of UTF-8 text is decoded, anything else is taken as it is: senders need not agree on the option. */
export function decodeBody(body: string): string {
  const candidate = body.trim();
  if (candidate.length % 4 !== 0 || candidate.startsWith("{") || !/^[A-Za-z0-9+/]*={0,2}$/.test(candidate)) return body;
  const bytes = Buffer.from(candidate, "base64");
  return isUtf8(bytes) && bytes.toString("base64") === candidate ? bytes.toString("utf8") : body;
}

/** What the reader of a message has to know besides its text. */
export interface Reading {
  readonly queue: string;
  /** Another consumer had it before. */
  readonly redelivered: boolean;
  /** Whether what SQS and the sender attached to it goes into its properties. */
  readonly attributes: boolean;
}

/**
 * The envelope in a message. Text that is none (from senders that do not know kombu) becomes the body of an envelope
 * without content type, as in kombu: it can be read, and a worker finds that it is no task.
 */
export function envelopeOf(message: SqsMessage, reading: Reading): string {
  const text = decodeBody(message.Body ?? "");
  const known = text.startsWith('{"body": ') || isEnvelope(text);
  const envelope = known ? text : foreign(text, message.MessageId ?? "", reading.queue);
  if (!reading.redelivered && !reading.attributes) return envelope;
  return patched(envelope, message, reading);
}

/** kombu looks for nothing but `properties`. */
function isEnvelope(text: string): boolean {
  if (!text.includes('"properties"')) return false;
  const value = parsed(text);
  return value !== undefined && "properties" in value;
}

const foreign = (text: string, id: string, queue: string): string =>
  JSON.stringify({
    body: text,
    "content-encoding": null,
    "content-type": null,
    headers: {},
    properties: {
      delivery_tag: id,
      delivery_info: { exchange: "", routing_key: queue },
      body_encoding: "utf-8",
    },
  });

/** Big integers, floats and unknown parts come through unchanged. */
function patched(text: string, message: SqsMessage, { redelivered, attributes }: Reading): string {
  const envelope = parsed(text);
  const properties = envelope?.["properties"];
  // The reader of the envelope says what is wrong with it.
  if (!envelope || typeof properties !== "object" || properties === null) return text;
  return dumps({
    ...envelope,
    properties: {
      ...properties,
      ...(attributes && message.MessageAttributes && { message_attributes: plain(message.MessageAttributes) }),
      ...(attributes && message.Attributes && { sqs_attributes: message.Attributes }),
    },
    ...(redelivered && { redelivered: true }),
  });
}

/** Attributes as senders write them; bytes as base64, since properties are JSON. */
const plain = (attributes: NonNullable<SqsMessage["MessageAttributes"]>): Record<string, Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        DataType,
        ...(StringValue !== undefined && { StringValue }),
        ...(BinaryValue !== undefined && { BinaryValue: Buffer.from(BinaryValue).toString("base64") }),
      },
    ]),
  );

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = loads(text, { floats: "keep", typed: false });
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
