import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError, EncodeError } from "../errors.js";
import { data, mapping, mutated, orNull, thrownBy } from "./arbitraries.test.js";
import { decodeEnvelope, encodeEnvelope, markRedelivered } from "./envelope.js";
import { dumps, loads } from "./json.js";
import type { Message } from "./message.js";
import { DateTime } from "./values.js";

const text = (body: string): Uint8Array => Buffer.from(body);
const message: Message = {
  body: text("[[1], {}, {}]"),
  contentType: "application/json",
  contentEncoding: "utf-8",
  headers: { id: "x", task: "app.add" },
  properties: { correlationId: "x", replyTo: "", deliveryMode: 2, priority: 3 },
};
const to = { exchange: "", routingKey: "celery" };
const envelopeOf = (changes: object): string => {
  const whole = JSON.parse(encodeEnvelope(message, to, { deliveryTag: "t1" })) as Record<string, object>;
  return JSON.stringify({ ...whole, ...changes });
};

describe("envelope", () => {
  it("pitfall 11: has kombu's keys, the delivery tag and both parts of the delivery info among them", () => {
    assert.deepEqual(JSON.parse(encodeEnvelope(message, to, { deliveryTag: "t1" })), {
      body: Buffer.from("[[1], {}, {}]").toString("base64"),
      "content-encoding": "utf-8",
      "content-type": "application/json",
      headers: { id: "x", task: "app.add" },
      properties: {
        correlation_id: "x",
        reply_to: "",
        delivery_mode: 2,
        priority: 3,
        delivery_info: { exchange: "", routing_key: "celery" },
        body_encoding: "base64",
        delivery_tag: "t1",
      },
    });
  });

  it("writes the expiration and other properties only when they are there", () => {
    const properties = {
      ...message.properties,
      expiration: "1500",
      other: { MessageGroupId: "g", delivery_tag: "no" },
    };
    const written = JSON.parse(encodeEnvelope({ ...message, properties }, to, { deliveryTag: "t1" })) as {
      properties: object;
    };
    assert.equal((written.properties as { expiration?: string }).expiration, "1500");
    assert.equal((written.properties as { MessageGroupId?: string }).MessageGroupId, "g");
    assert.equal((written.properties as { delivery_tag?: string }).delivery_tag, "t1");
  });

  it("brings every message through, with either body encoding", () => {
    const messages = fc.record({
      body: fc.string().map(text),
      contentType: orNull(fc.string()),
      contentEncoding: orNull(fc.string()),
      headers: mapping,
      properties: fc.record({
        correlationId: fc.option(fc.string(), { nil: undefined }),
        replyTo: fc.option(fc.string(), { nil: undefined }),
        deliveryMode: fc.constantFrom(1 as const, 2 as const),
        priority: fc.integer({ min: 0, max: 9 }),
        expiration: fc.option(fc.nat().map(String), { nil: undefined }),
        other: fc.option(
          fc.dictionary(fc.constantFrom("MessageGroupId", "x"), data, { minKeys: 1, noNullPrototype: true }),
          { nil: undefined },
        ),
      }),
    });
    const encodings = fc.constantFrom("base64" as const, "utf-8" as const);
    fc.assert(
      fc.property(messages, fc.string(), fc.string(), encodings, (sent, exchange, tag, bodyEncoding) => {
        const written = encodeEnvelope(sent, { exchange, routingKey: "rk" }, { deliveryTag: tag, bodyEncoding });
        const read = decodeEnvelope(written);
        assert.deepEqual(Buffer.from(read.message.body), sent.body);
        assert.equal(dumps(read.message.headers), dumps(sent.headers));
        assert.equal(dumps(read.message.properties), dumps(sent.properties));
        assert.deepEqual([read.deliveryTag, read.exchange, read.routingKey], [tag, exchange, "rk"]);
        assert.equal(read.priority, sent.properties.priority);
        assert.equal(read.redelivered, false);
        JSON.parse(written);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses to send bytes that are no text as text", () => {
    const binary = { ...message, body: Uint8Array.of(0xff, 0xfe) };
    assert.throws(() => encodeEnvelope(binary, to, { deliveryTag: "t", bodyEncoding: "utf-8" }), EncodeError);
  });

  it("accepts a literal body without body_encoding", () => {
    const written = envelopeOf({
      body: "[[1],{},null]",
      properties: { delivery_tag: "t", delivery_info: { exchange: "", routing_key: "q" } },
    });
    assert.equal(Buffer.from(decodeEnvelope(written).message.body).toString(), "[[1],{},null]");
  });

  it("applies kombu's typed objects to headers", () => {
    const written = envelopeOf({ headers: { when: { __type__: "datetime", __value__: "2026-01-02T03:04:05" } } });
    assert.ok(decodeEnvelope(written).message.headers["when"] instanceof DateTime);
  });

  const properties = { delivery_tag: "t", delivery_info: { exchange: "", routing_key: "q" } };
  const foreign: readonly [changes: object, named: RegExp][] = [
    [{ properties: undefined }, /properties is missing/],
    [{ properties: { ...properties, delivery_tag: undefined } }, /properties\.delivery_tag is missing/],
    [{ properties: { delivery_tag: "t" } }, /properties\.delivery_info is missing/],
    [{ properties: { ...properties, delivery_info: { routing_key: "q" } } }, /delivery_info\.exchange is missing/],
    [{ properties: { ...properties, delivery_info: { exchange: "" } } }, /delivery_info\.routing_key is missing/],
    [{ headers: [] }, /headers is an array/],
    [{ body: {} }, /body is an object/],
    [{ properties: { ...properties, body_encoding: "rot13" } }, /body_encoding is "rot13"/],
  ];
  for (const [changes, named] of foreign)
    it(`names what is wrong with a foreign payload: ${named.source}`, () => {
      assert.throws(() => decodeEnvelope(envelopeOf(changes)), { name: "DecodeError", message: named });
    });

  it("throws only DecodeError, whatever comes", () => {
    const valid = fc.constant(JSON.parse(envelopeOf({})) as unknown);
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      mutated(valid).map(
        (value) => JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? 1 : one)) ?? "",
      ),
      fc.tuple(fc.nat(), fc.string()).map(([at, other]) => envelopeOf({}).slice(0, at % 400) + other),
    );
    fc.assert(
      fc.property(texts, (written) => {
        for (const run of [
          () => decodeEnvelope(written),
          () => markRedelivered(written, "headers"),
          () => markRedelivered(written, "top-level"),
        ]) {
          const error = thrownBy(run);
          assert.ok(error === undefined || error instanceof DecodeError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("redelivered envelopes", () => {
  const written = encodeEnvelope(
    { ...message, headers: { big: 2n ** 70n, one: 1, typed: { __type__: "x", __value__: 1 } } },
    to,
    { deliveryTag: "t1" },
  ).replace('"one": 1', '"one": 1.0, "nan": NaN');

  it("are marked as Redis has it", () => {
    const marked = markRedelivered(written, "headers");
    assert.match(marked, /"big": 1180591620717411303424, "one": 1\.0, "nan": NaN, .*"redelivered": true/);
    const document = loads(marked, { typed: false }) as { properties: { delivery_info: object }; headers: object };
    assert.deepEqual(
      { ...document.properties.delivery_info },
      { exchange: "", routing_key: "celery", redelivered: true },
    );
    assert.equal(Object.hasOwn(document.headers, "redelivered"), true);
    assert.equal(Object.hasOwn(document, "redelivered"), false);
    assert.equal(markRedelivered(marked, "headers"), marked);
  });

  it("are marked as the other transports have it", () => {
    const marked = markRedelivered(written, "top-level");
    assert.equal(marked, `${written.slice(0, -1)}, "redelivered": true}`);
  });

  it("are read as such, whoever marked them", () => {
    const plain = encodeEnvelope(message, to, { deliveryTag: "t1" });
    assert.equal(decodeEnvelope(plain).redelivered, false);
    assert.equal(decodeEnvelope(markRedelivered(plain, "headers")).redelivered, true);
    assert.equal(decodeEnvelope(markRedelivered(plain, "top-level")).redelivered, true);
    assert.equal(decodeEnvelope(markRedelivered(plain, "headers")).deliveryTag, "t1");
  });
});
