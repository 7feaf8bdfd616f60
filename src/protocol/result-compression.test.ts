import assert from "node:assert/strict";
import { DecodeError, EncodeError } from "../errors.js";
import { compress } from "./compression.js";
import { compressResult, expandResult } from "./result-compression.js";

const compressed = (type: string, body: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`\0celery-compressed\0${type}\0`), body]);

describe("compressed results", () => {
  it("what is not marked stays as it is", () => {
    for (const text of ["", "{}", "\0", "\0celery", "\0celery-compresseD\0application/x-gzip\0"]) {
      const bytes = Buffer.from(text);
      assert.equal(expandResult(bytes), bytes);
    }
  });

  it("what is written says how it was compressed, and nothing is added without compression", () => {
    const bytes = Buffer.from(JSON.stringify("text ".repeat(1000)));
    for (const none of [null, undefined, ""]) assert.equal(compressResult(bytes, none), bytes);
    for (const name of ["gzip", "application/x-brotli"]) {
      const { body, type } = compress(name, bytes);
      const stored = compressResult(bytes, name);
      assert.deepEqual(Buffer.from(stored), compressed(type, body));
      assert.deepEqual(Buffer.from(expandResult(stored)), bytes);
    }
    assert.throws(() => compressResult(bytes, "unheard-of"), EncodeError);
  });

  it("what is marked is expanded, also out of the middle of a larger buffer", () => {
    const { body, type } = compress("gzip", Buffer.from('{"status": "SUCCESS"}'));
    const marked = compressed(type, body);
    const middle = Buffer.concat([Buffer.from("before"), marked, Buffer.from("after")]).subarray(6, 6 + marked.length);
    for (const bytes of [marked, middle, new Uint8Array(marked)])
      assert.equal(Buffer.from(expandResult(bytes)).toString(), '{"status": "SUCCESS"}');
  });

  it("what cannot be expanded is an error", () => {
    const { body, type } = compress("gzip", Buffer.from("text"));
    const broken = [
      compressed("application/x-unheard-of", body),
      compressed(type, body.subarray(0, 5)),
      compressed("x".repeat(200), body),
      Buffer.from("\0celery-compressed\0"),
    ];
    for (const bytes of broken) assert.throws(() => expandResult(bytes), DecodeError);
  });
});
