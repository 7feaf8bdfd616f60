import assert from "node:assert/strict";
import fc from "fast-check";
import { pack, unpack } from "msgpackr";
import { ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured } from "../../errors.js";
import { DateTime, Decimal, Float, PlainDate, Uuid } from "../values.js";
import {
  acceptedTypes,
  decodeContent,
  encodeContent,
  registerSerializer,
  serializerNamed,
  type Content,
} from "./registry.js";

const everything = acceptedTypes(["json", "yaml", "msgpack", "pickle"]);
const json = acceptedTypes(["json"]);
const text = (body: string, contentType: string | null, contentEncoding: string | null = "utf-8"): Content => ({
  body: Buffer.from(body, "latin1"),
  contentType,
  contentEncoding,
});
const yaml = (body: string): unknown => serializerNamed("yaml").decode(Buffer.from(body), { floats: "keep" });
const yamlText = (value: unknown): string => Buffer.from(serializerNamed("yaml").encode(value)).toString();
const msgpack = (hex: string): unknown => serializerNamed("msgpack").decode(Buffer.from(hex, "hex"));
const msgpackHex = (value: unknown): string => Buffer.from(serializerNamed("msgpack").encode(value)).toString("hex");

describe("the serializer registry", () => {
  it("finds by name and by type, and says what it knows", () => {
    assert.equal(serializerNamed("application/x-yaml").name, "yaml");
    assert.throws(
      () => serializerNamed("xml"),
      (error) => error instanceof ImproperlyConfigured && /"xml".*json, yaml, msgpack, pickle, raw/.test(error.message),
    );
    assert.deepEqual([...acceptedTypes(["json", "text/plain"])], ["application/json", "text/plain"]);
    assert.throws(() => acceptedTypes(["jsn"]), ImproperlyConfigured);
  });

  it("encodes with the type and encoding that travel", () => {
    const { body, contentType, contentEncoding } = encodeContent([[1], {}], "json");
    assert.deepEqual(
      [Buffer.from(body).toString(), contentType, contentEncoding],
      ["[[1], {}]", "application/json", "utf-8"],
    );
    assert.equal(encodeContent(1, "pickle").contentEncoding, "binary");
    assert.deepEqual(encodeContent("é", "raw"), {
      body: Buffer.from("é"),
      contentType: "application/data",
      contentEncoding: "utf-8",
    });
    assert.equal(encodeContent(new Uint8Array([1]), "raw").contentEncoding, "binary");
    assert.throws(() => encodeContent(1, "raw"), EncodeError);
  });

  it("decodes by kombu's rule", () => {
    assert.deepEqual(decodeContent(text("[1]", "application/json"), json), [1]);
    assert.deepEqual(decodeContent(text("[1]", "application/json"), null), [1]);
    // Trusted types are never decoded by a serializer, so no list need name them.
    assert.equal(decodeContent(text("hi", "application/data"), json), "hi");
    assert.equal(decodeContent(text("hi", null, null), json), "hi");
    assert.deepEqual(decodeContent(text("\xff", null, "binary"), json), Buffer.from([255]));
    assert.equal(decodeContent(text("\xe9", "text/plain", "latin-1"), new Set(["text/plain"])), "é");
    // An empty body comes back as it is.
    assert.equal((decodeContent(text("", "application/json"), json) as Uint8Array).length, 0);
  });

  it("refuses what is not accepted, exactly as typed", () => {
    for (const type of ["application/json; charset=utf-8", "text/plain", "application/x-yaml", "Application/JSON"])
      assert.throws(() => decodeContent(text("1", type), json), ContentDisallowed);
    for (const name of ["yaml", "msgpack", "pickle"])
      assert.throws(
        () => decodeContent(text("1", serializerNamed(name).contentType), null),
        (error) => error instanceof ContentDisallowed && error.message.includes(`add "${name}" to acceptContent`),
      );
  });

  it("refuses what cannot be read", () => {
    assert.throws(() => decodeContent(text("\xff", "application/json"), json), DecodeError);
    assert.throws(() => decodeContent(text("\xff", null), json), /UTF-8/);
    assert.throws(() => decodeContent(text("x", null, "klingon"), json), /klingon/);
  });

  it("takes serializers of the program's own", () => {
    registerSerializer({
      name: "csv",
      contentType: "text/csv",
      contentEncoding: "utf-8",
      encode: (value) => Buffer.from((value as unknown[]).join(",")),
      decode: (bytes) => Buffer.from(bytes).toString().split(","),
    });
    const { body, contentType, contentEncoding } = encodeContent([1, 2], "csv");
    assert.deepEqual(decodeContent({ body, contentType, contentEncoding }, acceptedTypes(["csv"])), ["1", "2"]);
  });
});

describe("yaml", () => {
  it("reads what safe_dump writes", () => {
    // Each text is PyYAML 6's safe_dump of the value on the right.
    const dumped: [string, unknown][] = [
      ["null\n...\n", null],
      ["- 1\n- 1.0\n- 1.0e+16\n- .inf\n- -.inf\n- -0.0\n", [1, new Float(1), 1e16, Infinity, -Infinity, -0]],
      ["1180591620717411303424\n...\n", 2n ** 70n],
      [
        "[y, n, 1e3, '1', 'yes', 'on', '~', '', '2026-01-02', '1:30', '0x1f', '0b1']\n",
        ["y", "n", "1e3", "1", "yes", "on", "~", "", "2026-01-02", "1:30", "0x1f", "0b1"],
      ],
      ['"\\xE9\\u20AC\\U0001F600"\n', "é€😀"],
      ["2026-01-02 03:04:05.678901+00:00\n...\n", new DateTime("2026-01-02T03:04:05.678901+00:00")],
      ["2026-01-02 03:04:05\n...\n", new DateTime("2026-01-02T03:04:05")],
      ["2026-01-02\n...\n", new PlainDate("2026-01-02")],
      ["!!binary |\n  /wA=\n", new Uint8Array([255, 0])],
      ["!!set\na: null\n1: null\n", new Set(["a", 1])],
      [
        "1: x\nnull: y\n",
        new Map<unknown, unknown>([
          [1, "x"],
          [null, "y"],
        ]),
      ],
      ["- &id001\n  - 1\n- *id001\n", [[1], [1]]],
      ["a: {b: [1, {c: d}]}\n", { a: { b: [1, { c: "d" }] } }],
      ["__proto__: {x: 1}\n", JSON.parse('{"__proto__": {"x": 1}}')],
    ];
    for (const [source, value] of dumped) assert.deepEqual(yaml(source), value, source);
  });

  it("reads the rest of YAML 1.1 as PyYAML does", () => {
    assert.deepEqual(yaml("[yes, OFF, 0x1F, 010, 0b11, 1_000, 1:30, +5, 1.5, .5, ~, 1:30.5]"), [
      ...[true, false, 31, 8, 3, 1000, 90, 5, 1.5, 0.5, null, 90.5],
    ]);
    assert.deepEqual(yaml("2001-12-14t21:59:43.10-05:00"), new DateTime("2001-12-14T21:59:43.100000-05:00"));
    assert.deepEqual(yaml("a: &x {p: 1}\nb: {<<: *x, q: 2}"), { a: { p: 1 }, b: { p: 1, q: 2 } });
  });

  it("writes only what has one reading", () => {
    // Read back by yaml.safe_load when this was written.
    assert.equal(
      yamlText({ yes: ["no", 1, 1.5, new Float(2), 1e16, NaN, null, true] }),
      '{"yes": ["no", 1, 1.5, 2.0, 1.0e+16, .nan, null, true]}\n',
    );
    assert.equal(
      yamlText([new Date(0), new PlainDate("2026-01-02")]),
      '[!!timestamp "1970-01-01 00:00:00+00:00", !!timestamp "2026-01-02"]\n',
    );
    assert.equal(
      yamlText([new Uint8Array([255]), new Set([1]), "é😀\n\x7f"]),
      '[!!binary "/w==", !!set {1: null}, "\\xe9\\U0001f600\\n\\x7f"]\n',
    );
    assert.equal(yamlText(new Map([["k".repeat(101), 1]])), `{? "${"k".repeat(101)}" : 1}\n`);
  });

  it("refuses what safe_dump and safe_load refuse", () => {
    for (const value of [new Decimal("1"), new Uuid("0".repeat(32)), (): void => undefined, new Error("x")])
      assert.throws(() => yamlText([value]), EncodeError);
    for (const source of [
      "!!python/object:os.system {}",
      "!x 1",
      "[1",
      "a: b: c",
      "- a\n--- \n- b",
      "*x",
      "2026-02-30",
      "\t- a",
    ])
      assert.throws(() => yaml(source), DecodeError, source);
  });

  it("bounds aliases and depth", () => {
    const laughs = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${Array(10)
          .fill(i ? `*a${i - 1}` : "lol")
          .join(", ")}]`,
    );
    assert.throws(() => yaml(laughs.join("\n")), DecodeError);
    assert.throws(() => yaml("[".repeat(100_000)), DecodeError);
    assert.throws(() => yaml("[".repeat(1200) + "]".repeat(1200)), DecodeError);
    // Honest sharing passes.
    assert.equal((yaml(`- &x [1]\n${"- *x\n".repeat(500)}`) as unknown[]).length, 501);
  });
});

describe("msgpack", () => {
  // Each is msgpack.packb(value, use_bin_type=True) by msgpack-python 1.2.
  const packed: [unknown, string][] = [
    [[0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1], "98007fcc80ccffcd0100cdffffce00010000ceffffffff"],
    [[2 ** 32, 2 ** 53 - 1, 2n ** 64n - 1n], "93cf0000000100000000cf001fffffffffffffcfffffffffffffffff"],
    [[-1, -32, -33, -128, -129, -32768, -32769], "97ffe0d0dfd080d1ff7fd18000d2ffff7fff"],
    [[-(2 ** 31), -(2 ** 31) - 1, -(2n ** 63n)], "93d280000000d3ffffffff7fffffffd38000000000000000"],
    [[1.5, new Float(1), -0], "93cb3ff8000000000000cb3ff0000000000000cb8000000000000000"],
    [[null, true, false, "é", new Uint8Array([1])], "95c0c3c2a2c3a9c40101"],
    [{ a: { b: [] } }, "81a16181a16290"],
  ];
  for (const [value, hex] of packed)
    it(hex, () => {
      assert.equal(msgpackHex(value), hex);
      assert.deepEqual(serializerNamed("msgpack").decode(Buffer.from(hex, "hex"), { floats: "keep" }), value);
    });

  it("uses the longer forms where they are needed", () => {
    for (const size of [31, 32, 255, 256, 65535, 65536]) {
      const value = ["x".repeat(size), new Uint8Array(size), Array(size).fill(null)];
      assert.deepEqual(msgpack(msgpackHex(value)), value);
    }
  });

  it("reads what it does not write", () => {
    assert.deepEqual(msgpack("8101a178"), new Map([[1, "x"]]));
    assert.equal(msgpack("ca3fc00000"), 1.5);
    assert.deepEqual(msgpack("d6ff00000001"), new DateTime("1970-01-01T00:00:01.000000+00:00"));
  });

  it("refuses what msgpack-python refuses", () => {
    for (const value of [
      new Date(0),
      new Decimal("1"),
      new Set(),
      2n ** 64n,
      -(2n ** 63n) - 1n,
      "\ud800",
      new Error("x"),
    ])
      assert.throws(
        () => msgpackHex({ a: [value] }),
        (error) => error instanceof EncodeError && /\$\.a\[0\]/.test(error.message),
      );
    for (const hex of [
      "",
      "c1",
      "92 01",
      "0101",
      "a2c3",
      "a1ff",
      "dd ffffffff",
      "df ffffffff",
      "c6 ffffffff 00",
      "d40500",
    ])
      assert.throws(() => msgpack(hex.replaceAll(" ", "")), DecodeError, hex);
    assert.throws(() => msgpack("91".repeat(2000) + "c0"), /deeper than 1000/);
  });

  it("keeps what msgpackr by itself would change", () => {
    const values = [
      [2n ** 53n, -(2n ** 53n), 2 ** 53 - 1],
      ["", "x", "x".repeat(28), "x".repeat(29), "é".repeat(70), "x".repeat(70_000)].map((rest) => `\ufeff${rest}`),
      JSON.parse('{"__proto__": 1, "constructor": {"toJSON": 2}}') as unknown,
      { "\ufeffkey": [new Uint8Array(0), new Float(3), new Uint8Array([1])] },
    ];
    const bodies = values.map((value): [unknown, Uint8Array] => [value, serializerNamed("msgpack").encode(value)]);
    const moment = Buffer.from("92c400d7ff00000fa000000000", "hex");
    bodies.push([[new Uint8Array(0), new DateTime("1970-01-01T00:00:00.000001+00:00")], moment]);
    for (const [value, body] of bodies) {
      const before = Buffer.from(body);
      assert.deepEqual(serializerNamed("msgpack").decode(body, { floats: "keep" }), value);
      assert.deepEqual(body, before, "the caller's bytes stay as they are");
    }
  });

  it("leaves other users of msgpackr alone", () => {
    msgpackHex(new Float(1));
    class Float64 extends Number {}
    assert.equal(pack({ a: new Date(0) }).toString("hex"), "de0001a161d6ff00000000");
    assert.equal(pack([new Float64(1)]).toString("hex"), "91de0000");
    for (let type = 0; type < 256; type++) {
      if (![0, 0x42, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78, 0xff].includes(type))
        assert.throws(() => unpack(Buffer.from([0xd4, type, 0])), /Unknown extension/);
    }
  });
});

describe("every serializer", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("yes", "~", "1e3", "", "- a", "a: b", "__proto__", "2026-01-02"),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double().filter((n) => !Number.isSafeInteger(n) || Object.is(n, -0)),
    fc.integer().map((n) => new Float(n)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { maxKeys: 5, noNullPrototype: true }),
    ),
  }));
  for (const name of ["json", "yaml", "msgpack", "pickle"]) {
    it(`${name} gives back what it was given`, () => {
      fc.assert(
        fc.property(value, (x) => {
          const content = encodeContent(x, name);
          assert.deepEqual(decodeContent(content, everything, { floats: "keep" }), x);
        }),
        { numRuns: 300 },
      );
    });

    it(`${name} throws nothing but DecodeError for broken bytes`, () => {
      const { contentType, contentEncoding } = serializerNamed(name);
      const attempt = (body: Uint8Array): void => {
        try {
          decodeContent({ body, contentType, contentEncoding }, everything);
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error));
        }
      };
      const edit = fc.tuple(fc.nat(), fc.nat(255));
      fc.assert(
        fc.property(value, fc.array(edit, { minLength: 1, maxLength: 4 }), (x, edits) => {
          const body = Buffer.from(encodeContent(x, name).body);
          for (const [at, byte] of edits) body[at % body.length] = byte;
          attempt(body);
        }),
        { numRuns: 500 },
      );
      fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), attempt), { numRuns: 500 });
    });
  }
});
