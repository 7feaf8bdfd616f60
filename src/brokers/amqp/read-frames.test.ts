import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { PassThrough } from "node:stream";
import { DecodeError } from "../../errors.js";
import { readHeaderFrames, type Properties } from "./read-frames.js";

// amqplib's own connection, fed by hand; it is not exported.
const amqplib = createRequire(createRequire(import.meta.url).resolve("amqplib"));
interface Connection {
  rest: Buffer;
  recvFrame(): { id?: number; channel: number; size?: number; fields?: Properties; content?: Buffer } | false;
}
const { Connection } = amqplib("./lib/connection.js") as { Connection: new (stream: PassThrough) => Connection };
const defs = amqplib("./lib/defs.js") as {
  BasicProperties: number;
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer;
};

const header = (fields: object): Buffer => defs.encodeProperties(defs.BasicProperties, 3, 12, fields);

const all: Properties = {
  contentType: "application/json",
  contentEncoding: "utf-8",
  headers: { id: "x", n: 1, list: [1, null, { a: "é" }] },
  deliveryMode: 2,
  priority: 9,
  correlationId: "c",
  replyTo: "r",
  expiration: "1000",
  messageId: "m",
  timestamp: 1700000000,
  type: "t",
  userId: "u",
  appId: "a",
};

/** A content header with the given bytes as its header table. */
function withTable(table: Buffer): Buffer {
  const payload = Buffer.alloc(18 + table.length);
  payload.writeUInt16BE(60, 0);
  payload.writeUInt16BE(0x2000, 12);
  payload.writeUInt32BE(table.length, 14);
  table.copy(payload, 18);
  const frame = Buffer.alloc(8 + payload.length);
  frame.set([2, 0, 3]);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, 7);
  frame[frame.length - 1] = 206;
  return frame;
}
const bigInteger = withTable(Buffer.from([1, 0x6e, 0x4c, 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0]));

function reading(...chunks: Buffer[]): Connection {
  const stream = new PassThrough();
  const connection = new Connection(stream);
  assert.equal(readHeaderFrames(connection), true);
  for (const chunk of chunks) stream.write(chunk);
  return connection;
}

describe("amqp content header frames", () => {
  it("amqplib alone still cannot read Python's 64-bit integers (else this part can go)", () => {
    const stream = new PassThrough();
    const connection = new Connection(stream);
    stream.write(bigInteger);
    assert.throws(() => connection.recvFrame(), /Unexpected type tag "L"/);
  });

  it("reads them", () => {
    const frame = reading(bigInteger).recvFrame();
    assert.deepEqual(frame && frame.fields, { headers: { n: 1700000000000 } });
  });

  it("reads every property as amqplib does", () => {
    const plain = new PassThrough();
    const theirs = new Connection(plain);
    plain.write(header(all));
    const expected = theirs.recvFrame();
    const frame = reading(header(all)).recvFrame();
    assert.ok(frame && expected);
    assert.deepEqual({ ...frame, fields: null }, { ...expected, fields: null });
    for (const [name, value] of Object.entries(expected.fields ?? {}))
      assert.deepEqual(frame.fields?.[name as keyof Properties], value, name);
    assert.deepEqual({ ...frame.fields }, all);
  });

  it("reads frames that come in pieces, among frames of other kinds", () => {
    const body = Buffer.from([3, 0, 3, 0, 0, 0, 2, 0x68, 0x69, 206]);
    const bytes = Buffer.concat([header(all), body, bigInteger, body, header({})]);
    for (const size of [1, 7, 8, 50, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.subarray(n * size, (n + 1) * size),
      );
      const connection = reading(...pieces);
      const frames = [1, 2, 3, 4, 5].map(() => connection.recvFrame());
      assert.deepEqual(
        frames.map((frame) => frame && (frame.content ?? frame.fields)),
        [{ ...all }, Buffer.from("hi"), { headers: { n: 1700000000000 } }, Buffer.from("hi"), {}],
      );
      assert.equal(connection.recvFrame(), false);
    }
  });

  it("marks a message whose headers nobody can read, and goes on", () => {
    const foreign = withTable(Buffer.from([1, 0x6e, 0x3f, 0]));
    const connection = reading(foreign, header({ correlationId: "next" }));
    const frame = connection.recvFrame();
    assert.ok(frame && frame.fields?.undecodable instanceof DecodeError);
    assert.match(frame.fields.undecodable.message, /unknown type tag "\?"/);
    const next = connection.recvFrame();
    assert.equal(next && next.fields?.correlationId, "next");
  });

  it("says so when the library has no such place", () => {
    assert.equal(readHeaderFrames({}), false);
    assert.equal(readHeaderFrames(undefined), false);
  });
});
