import assert from "node:assert/strict";
import { createRequire } from "node:module";
import fc from "fast-check";
import { DecodeError, EncodeError } from "../../errors.js";
import { DateTime, Decimal, Float, PlainDate, Uuid } from "../../protocol/values.js";
import { decodeTable } from "./decode-table.js";
import { encodeTable } from "./encode-table.js";

// What amqplib really makes of our values: its own encoder, which it does not export.
const main = createRequire(import.meta.url).resolve("amqplib");
const codec = createRequire(main)("./lib/codec.js") as {
  encodeTable(buffer: Buffer, table: object, offset: number): number;
};

/** The bytes of a table without their length. */
function wire(table: Readonly<Record<string, unknown>>): Buffer {
  const buffer = Buffer.alloc(65536);
  const length = codec.encodeTable(buffer, encodeTable(table), 0);
  return buffer.subarray(4, length);
}

const read = (bytes: Buffer): Record<string, unknown> => decodeTable(bytes, 0, bytes.length);
const roundTrip = (value: unknown): unknown => read(wire({ value })).value;

/** A table with one value, spelled by hand: tag and bytes. */
const byHand = (tag: string, ...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from([1]), Buffer.from("k"), Buffer.from(tag), Buffer.from(bytes)]);

/** The tag that a value gets. */
const tagOf = (value: unknown): string => String.fromCharCode(wire({ k: value })[2] ?? 0);

describe("amqp header tables", () => {
  describe("encoding", () => {
    it("never uses a tag that some py-amqp misreads", () => {
      for (const value of [0, 1, -1, 127, 128, -128, -129, 200, 255, 256, 300, 32767, -32768, 65536, 2 ** 31 - 1])
        assert.equal(tagOf(value), "I", String(value));
      assert.equal(tagOf(-(2 ** 31)), "I");
      for (const value of [2 ** 31, 2 ** 53, 10n ** 15n, 2n ** 63n - 1n])
        assert.equal(tagOf(value), "l", String(value));
      // Unsigned for py-amqp up to 5.3.1, and amqplib has no other 64-bit tag.
      for (const value of [-(2 ** 31) - 1, -(2 ** 53), -(10n ** 15n)]) assert.equal(tagOf(value), "d", String(value));
      for (const value of [0.5, NaN, Infinity, 1e300, -0.5, new Float(3)])
        assert.equal(tagOf(value), "d", String(value));
    });

    it("keeps the integers inside lists and tables safe too", () => {
      const bytes = wire({ timelimit: [300, null], stamps: { a: [200, { b: 1000 }] } });
      assert.equal(bytes.includes(Buffer.from([0x73, 300 >> 8, 300 & 255])), false);
      assert.deepEqual(read(bytes), { timelimit: [300, null], stamps: { a: [200, { b: 1000 }] } });
    });

    it("writes the values of Python that JavaScript has no literal for", () => {
      assert.equal(roundTrip(new Uuid("0a1b2c3d-0000-4000-8000-000000000000")), "0a1b2c3d-0000-4000-8000-000000000000");
      assert.equal(roundTrip(new PlainDate("2026-01-02")), "2026-01-02");
      assert.equal(roundTrip(new DateTime("2026-01-02T03:04:05.678901+02:00")), "2026-01-02T03:04:05.678901+02:00");
      assert.deepEqual(roundTrip(new Date("2026-01-02T03:04:05.678Z")), new Date("2026-01-02T03:04:05Z"));
      assert.deepEqual(roundTrip(new Map([["a", 1]])), { a: 1 });
      assert.deepEqual(roundTrip(new Uint8Array([1, 2])), Buffer.from([1, 2]));
      for (const digits of ["1.10", "-1.10", "0.001", "12", "-2147483.647"])
        assert.deepEqual(roundTrip(new Decimal(digits)), new Decimal(digits));
    });

    it("leaves out what is undefined, and keeps its place in a list", () => {
      assert.deepEqual(read(wire({ a: undefined, b: [undefined, 1] })), { b: [null, 1] });
    });

    it('takes a key "!" or "__proto__" for what it is', () => {
      assert.deepEqual(roundTrip({ "!": "int", value: "x" }), { "!": "int", value: "x" });
      const own = JSON.parse('{"__proto__": {"a": 1}}') as Record<string, unknown>;
      const back = read(wire(own));
      assert.deepEqual(Object.keys(back), ["__proto__"]);
      assert.equal(Object.getPrototypeOf(back), Object.prototype);
      for (const text of ['{"__proto__": "a"}', '{"__proto__": null}', '{"__proto__": {"!": 1, "__proto__": "b"}}'])
        assert.equal(
          JSON.stringify(read(wire(JSON.parse(text) as object as Record<string, unknown>))),
          text.replaceAll(" ", ""),
        );
    });

    it("refuses what no table can hold", () => {
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      for (const value of [2n ** 63n, () => 1, Symbol("s"), new Date(NaN), new Date(-1), new Decimal("NaN"), circular])
        assert.throws(() => encodeTable({ value }), EncodeError);
      assert.throws(() => encodeTable({ value: new Decimal("12345678901234567890") }), /does not fit/);
    });
  });

  describe("decoding", () => {
    const cases: [string, Buffer, unknown][] = [
      ["L, Python's integer beyond 32 bits", byHand("L", 0, 0, 1, 0, 0, 0, 0, 0), 2 ** 40],
      ["L, negative", byHand("L", 255, 255, 255, 255, 255, 255, 255, 254), -2],
      ["L, beyond 2^53", byHand("L", 0x7f, 255, 255, 255, 255, 255, 255, 255), 2n ** 63n - 1n],
      ["l", byHand("l", 0, 0, 1, 0, 0, 0, 0, 0), 2 ** 40],
      ["l, beyond 2^53", byHand("l", 0x80, 0, 0, 0, 0, 0, 0, 0), -(2n ** 63n)],
      ["I", byHand("I", 255, 255, 255, 254), -2],
      ["i", byHand("i", 255, 255, 255, 254), 2 ** 32 - 2],
      ["s", byHand("s", 255, 254), -2],
      ["U", byHand("U", 255, 254), -2],
      ["u", byHand("u", 255, 254), 65534],
      ["b", byHand("b", 254), -2],
      ["B", byHand("B", 254), 254],
      ["f", byHand("f", 0x3f, 0x80, 0, 0), 1],
      ["d", byHand("d", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0), 1.5],
      ["D", byHand("D", 2, 0, 0, 0, 110), new Decimal("1.10")],
      ["D, negative", byHand("D", 3, 255, 255, 255, 255), new Decimal("-0.001")],
      ["T", byHand("T", 0, 0, 0, 0, 0, 0, 0, 60), new Date(60_000)],
      ["x", byHand("x", 0, 0, 0, 2, 1, 255), Buffer.from([1, 255])],
      ["V", byHand("V"), null],
      ["t", byHand("t", 1), true],
      ["S", byHand("S", 0, 0, 0, 2, 0xc3, 0xa9), "é"],
      ["S that is not UTF-8", byHand("S", 0, 0, 0, 1, 0xff), Buffer.from([0xff])],
      ["A", byHand("A", 0, 0, 0, 3, 0x56, 0x74, 0), [null, false]],
      ["F", byHand("F", 0, 0, 0, 3, 1, 0x61, 0x56), { a: null }],
    ];
    for (const [name, bytes, value] of cases)
      it(`reads the tag ${name}`, () => {
        assert.deepEqual(read(bytes), { k: value });
      });

    it("reads back whatever it wrote", () => {
      const leaf = fc.oneof(
        fc.string({ unit: "grapheme" }),
        fc.integer(),
        fc.maxSafeInteger(),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
        fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
        fc.double({ noNaN: true }),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc.integer({ min: 0, max: 4e9 }).map((seconds) => new Date(seconds * 1000)),
      );
      const { table } = fc.letrec<{ value: unknown; table: Record<string, unknown> }>((tie) => ({
        value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value"), { maxLength: 4 }), tie("table")),
        table: fc.dictionary(fc.string({ maxLength: 20 }), tie("value"), { maxKeys: 6, noNullPrototype: true }),
      }));
      fc.assert(
        fc.property(table, (value) => assert.deepEqual(plain(read(wire(value))), plain(value))),
        { numRuns: 500 },
      );
    });

    it("answers any other bytes with a DecodeError", () => {
      const table = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
      fc.assert(
        fc.property(table, (bytes) => {
          try {
            read(bytes);
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error));
          }
        }),
        { numRuns: 2000 },
      );
      for (const bytes of [byHand("?"), byHand("S", 0, 0, 0, 9, 1), byHand("I", 0), byHand("A", 0, 0, 0, 1, 0x49)])
        assert.throws(() => read(bytes), DecodeError);
    });

    it("does not recurse without a limit", () => {
      const levels = 10_000;
      const bytes = Buffer.alloc(levels * 5 + 2);
      bytes.set([1, 0x6b]);
      for (let level = 0; level < levels; level++) {
        bytes.write("A", 2 + level * 5, "latin1");
        bytes.writeUInt32BE((levels - level - 1) * 5, 3 + level * 5);
      }
      assert.throws(() => read(bytes), /nested deeper than the limit of 100/);
    });
  });
});

/** One spelling per number: -0 travels as the integer 0, whole numbers beyond 2^53 come back as bigint. */
function plain(value: unknown): unknown {
  if (typeof value === "number")
    return Number.isInteger(value) && value >= 2 ** 53 && value < 2 ** 63 ? BigInt(value) : value + 0;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object" || Buffer.isBuffer(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
