import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { DecodeError, EncodeError, ImproperlyConfigured } from "../errors.js";
import { requirePeer } from "../util/load-peer.js";
import { checkCompression, compress, decompress } from "./compression.js";

const types: Readonly<Record<string, string>> = {
  gzip: "application/x-gzip",
  zlib: "application/x-gzip",
  bzip2: "application/x-bz2",
  bzip: "application/x-bz2",
  brotli: "application/x-brotli",
  lzma: "application/x-lzma",
  xz: "application/x-lzma",
  zstd: "application/zstd",
  zstandard: "application/zstd",
};
const names = ["gzip", "bzip2", "brotli", "lzma", "zstd"];

/** `compress(b"hello hello hello hello")` by CPython's zlib, bz2 and lzma, brotli and zstandard. */
const byPython: Readonly<Record<string, string>> = {
  gzip: "eJzLSM3JyVfIQCcBaAMIsQ==",
  bzip2: "QlpoOTFBWSZTWQL4sL0AAAORAEAAAkSgADDNAFSGlnGbOKPF3JFOFCQAviwvQA==",
  brotli: "GxYA+I2Ubt5EVYaWbCBvIU8c4Dg=",
  lzma: "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AAWAAtdADQZSe6N6VYKteAAAACJQ9vqAzTk0AABJxeJgpB5H7bzfQEAAAAABFla",
  zstd: "KLUv/SAXZQAAMGhlbGxvIAEAmUsR",
};
const hello = Buffer.from("hello hello hello hello");

const samples: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(),
  "one byte": Buffer.from("a"),
  "runs of every critical length": Buffer.concat(
    [1, 3, 4, 5, 254, 255, 256, 259, 260, 1000].map((n, i) => Buffer.alloc(n, i)),
  ),
  "one byte a million times": Buffer.alloc(1_000_000, 7),
  "a period": Buffer.from("ab".repeat(40_000)),
  "all bytes": Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) >> 3)),
  "beyond one block": Buffer.from(Array.from({ length: 120_000 }, (_, i) => `${i} ${i % 97} `).join("")),
};

describe("compression", () => {
  it("knows kombu's names and types", () => {
    for (const [name, type] of Object.entries(types)) {
      assert.equal(compress(name, hello).type, type);
      assert.deepEqual(Buffer.from(decompress(name, compress(type, hello).body)), hello);
      checkCompression(name);
    }
    assert.throws(() => checkCompression("rar"), ImproperlyConfigured);
    assert.throws(() => compress("rar", hello), EncodeError);
    assert.throws(
      () => decompress("rar", hello),
      (error) => error instanceof DecodeError && /"rar".*gzip/.test(error.message),
    );
  });

  for (const name of names) {
    it(`${name}: reads what Python wrote`, () => {
      assert.deepEqual(Buffer.from(decompress(name, Buffer.from(byPython[name] ?? "", "base64"))), hello);
    });

    for (const [what, data] of Object.entries(samples))
      it(`${name}: ${what}`, () => {
        const { body } = compress(name, data);
        assert.ok(Buffer.from(decompress(name, body)).equals(data));
      }).timeout(20_000);

    it(`${name}: stops at the limit`, () => {
      const bomb = compress(name, Buffer.alloc(200_000)).body;
      assert.throws(
        () => decompress(name, bomb, { maxBytes: 100_000 }),
        (error) => error instanceof DecodeError && /limit of 100000/.test(error.message),
      );
      assert.equal(decompress(name, bomb, { maxBytes: 200_000 }).length, 200_000);
    });

    it(`${name}: throws nothing but DecodeError for broken data`, () => {
      const whole = Buffer.from(byPython[name] ?? "", "base64");
      for (let end = 0; end < whole.length; end++) attempt(name, whole.subarray(0, end));
      assert.throws(() => decompress(name, new Uint8Array()), DecodeError);
      assert.throws(() => decompress(name, Buffer.from("this is not compressed at all")), DecodeError);
      fc.assert(
        fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
          const broken = Buffer.from(whole);
          broken[at] = byte;
          attempt(name, broken);
        }),
        { numRuns: 200 },
      );
    });

    it(`${name}: random data comes back`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 400 }), (data) =>
          assert.ok(Buffer.from(decompress(name, compress(name, data).body)).equals(data)),
        ),
        { numRuns: 50 },
      );
    });
  }

  it("gzip means zlib to kombu; real gzip is read all the same", () => {
    assert.equal(compress("gzip", hello).body[0], 0x78);
    assert.deepEqual(Buffer.from(decompress("gzip", gzipSync(hello))), hello);
  });

  it("names the package to install", () => {
    assert.throws(
      () => requirePeer("no-such-package-anywhere", 'the compression "x"'),
      (error) => error instanceof ImproperlyConfigured && /npm install no-such-package-anywhere/.test(error.message),
    );
  });
});

function attempt(name: string, data: Uint8Array): void {
  try {
    decompress(name, data, { maxBytes: 1_000_000 });
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
  }
}
