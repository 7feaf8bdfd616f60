import { decodeProperties } from "../src/brokers/amqp/read-frames.js";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "../src/protocol/envelope.js";
import { dumps, loads } from "../src/protocol/json.js";
import { acceptedTypes } from "../src/protocol/serializers/registry.js";
import type { Report } from "./checks.js";
import { bytesOf, type Entry } from "./fixture-files.js";
import { toNeutral } from "./neutral.js";

export const keep = { floats: "keep" } as const;
export const everything = acceptedTypes(["json", "yaml", "msgpack", "pickle"]);
export const textOf = (raw: unknown): string => bytesOf(raw).toString();

/** The envelope, its AMQP twin, and the envelope that we would write. */
export function carriers(report: Report, entry: Entry): Envelope {
  const text = textOf(entry["envelope"]);
  const envelope = decodeEnvelope(text);
  const whole = loads(text, keep) as { headers: object; properties: Record<string, unknown>; "content-type": string };
  const { message } = envelope;
  report.equal(entry, "exchange", () => [envelope.exchange, envelope.routingKey], [
    entry["exchange"],
    entry["routingKey"],
  ]);
  report.equal(entry, "headers", () => plain(message.headers), plain(whole.headers));
  report.equal(entry, "delivery tag", () => envelope.deliveryTag, whole.properties["delivery_tag"]);
  report.equal(entry, "text after reading", () => dumps(loads(text, { ...keep, typed: false })), text);
  report.check(entry, "written and read here", () => {
    const { exchange, routingKey, deliveryTag } = envelope;
    const again = decodeEnvelope(encodeEnvelope(message, { exchange, routingKey }, { deliveryTag }));
    report.equal(entry, "envelope written and read here", () => again, {
      ...envelope,
      priority: envelope.priority ?? 0,
    });
  });
  if (entry["amqp"] !== undefined) {
    const bytes = bytesOf(entry["amqp"]);
    const amqp = decodeProperties(bytes, 0, bytes.length);
    // A lone surrogate is no UTF-8, so neither side reads that header as text.
    if (entry.name !== "awkward text")
      report.equal(entry, "AMQP headers", () => plain(amqp.headers ?? {}), plain(whole.headers));
    const { correlationId, replyTo, deliveryMode, priority, expiration } = message.properties;
    const properties = { correlationId, replyTo, deliveryMode, priority, expiration };
    report.equal(
      entry,
      "AMQP properties",
      () => [
        amqp.contentType,
        amqp.contentEncoding,
        amqp.correlationId,
        amqp.replyTo,
        amqp.deliveryMode,
        amqp.expiration,
      ],
      [whole["content-type"], message.contentEncoding, correlationId, replyTo, deliveryMode, properties.expiration],
    );
  }
  return envelope;
}

/** AMQP's and the envelope's floats are plain numbers when headers are read. */
export const plain = (value: unknown): unknown => toNeutral(value, { plainFloats: true });
