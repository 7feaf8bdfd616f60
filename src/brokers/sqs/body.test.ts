import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeEnvelope, encodeEnvelope } from "../../protocol/envelope.js";
import { decodeBody, encodeBody, envelopeOf } from "./body.js";

const plain = { queue: "q", redelivered: false, attributes: false };
const kombu = encodeEnvelope(
  { body: Buffer.from("x"), contentType: "text/plain", contentEncoding: "utf-8", headers: { n: 1 }, properties: {} },
  { exchange: "", routingKey: "q" },
  { deliveryTag: "t" },
);

describe("SQS bodies", () => {
  it("are what was put in, with base64 and without", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, base64) => {
        const envelope = JSON.stringify({ body: text });
        const read = decodeBody(encodeBody(envelope, base64));
        assert.deepEqual(JSON.parse(read), { body: text });
      }),
      { numRuns: 200 },
    );
  });

  it("without base64 have no character that SQS refuses", () => {
    const text = encodeBody(JSON.stringify("\ufffe\uffff\u0001\ud800"), false);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/u);
    assert.equal(JSON.parse(text), "\ufffe\uffff\u0001\ud800");
  });

  it("are taken as they are when they only look like base64", () => {
    for (const text of ["abc", "====", "QQ", "QR==", "/////w==", "not base64!", "{}", '{"a": 1}']) {
      assert.equal(decodeBody(text), text);
    }
    // Words of four letters are base64 too; kombu keeps them because they decode to no UTF-8.
    assert.equal(decodeBody("word"), "word");
    assert.equal(decodeBody(" eA== \n"), "x");
  });

  it("of kombu are handed on unchanged, whatever the order of their parts", () => {
    assert.equal(envelopeOf({ Body: kombu }, plain), kombu);
    assert.equal(envelopeOf({ Body: encodeBody(kombu, true) }, plain), kombu);
    const turned = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(kombu) as object).reverse()));
    assert.equal(envelopeOf({ Body: turned }, plain), turned);
  });

  for (const text of ["hello", '{"Type": "Notification"}', '{"detail": {"properties": {}}}', "[1]", '"properties"', ""])
    it(`of others become the body of a message without content type: ${text}`, () => {
      const { message, routingKey, deliveryTag } = decodeEnvelope(envelopeOf({ Body: text, MessageId: "id" }, plain));
      assert.equal(Buffer.from(message.body).toString(), text);
      assert.equal(message.contentType, null);
      assert.equal(routingKey, "q");
      assert.equal(deliveryTag, "id");
    });

  it("say that they were received before, and carry attributes for those who asked", () => {
    const again = decodeEnvelope(envelopeOf({ Body: kombu }, { ...plain, redelivered: true }));
    assert.equal(again.redelivered, true);
    const { message } = decodeEnvelope(
      envelopeOf(
        {
          Body: kombu,
          Attributes: { SentTimestamp: "1" },
          MessageAttributes: {
            text: { DataType: "String", StringValue: "v" },
            bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(1, 2) },
          },
        },
        { ...plain, attributes: true },
      ),
    );
    assert.deepEqual({ ...(message.properties.other?.["sqs_attributes"] as object) }, { SentTimestamp: "1" });
    assert.deepEqual(JSON.parse(JSON.stringify(message.properties.other?.["message_attributes"])), {
      text: { DataType: "String", StringValue: "v" },
      bytes: { DataType: "Binary", BinaryValue: "AQI=" },
    });
    assert.equal(message.headers["n"], 1);
  });
});
