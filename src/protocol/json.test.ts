import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError, EncodeError } from "../errors.js";
import { dumps, loads } from "./json.js";
import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "./values.js";

/** Every expected text below was printed by kombu 5.7's `json.dumps` of the same value. */
describe("json dumps", () => {
  const texts: [string, unknown, string][] = [
    ["separators", [[1, 2], {}, { callbacks: null, chain: [] }], '[[1, 2], {}, {"callbacks": null, "chain": []}]'],
    ["escapes", 'é€😀\x7f"\\/\b\f\n\r\t\x00', String.raw`"\u00e9\u20ac\ud83d\ude00\u007f\"\\/\b\f\n\r\t\u0000"`],
    ["a lone surrogate", "\ud800x", String.raw`"\ud800x"`],
    ["keys", { "é\n": 1 }, String.raw`{"\u00e9\n": 1}`],
    ["ints", [0, -1, 2 ** 53 - 1, 10n ** 30n], "[0, -1, 9007199254740991, 1000000000000000000000000000000]"],
    ["floats", [0.1, -0, 1e-5, 1.5e300, 1e22, 1e16], "[0.1, -0.0, 1e-05, 1.5e+300, 1e+22, 1e+16]"],
    ["explicit floats", [new Float(1), new Float(-0), new Float(1e16)], "[1.0, -0.0, 1e+16]"],
    ["integral numbers beyond 2^53-1", [2 ** 53, 2 ** 60], "[9007199254740992.0, 1.152921504606847e+18]"],
    ["words", [NaN, Infinity, -Infinity, true, false, null], "[NaN, Infinity, -Infinity, true, false, null]"],
    [
      "datetime",
      [new Date(Date.UTC(2026, 0, 2, 3, 4, 5)), new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678))],
      '[{"__type__": "datetime", "__value__": "2026-01-02T03:04:05+00:00"}, ' +
        '{"__type__": "datetime", "__value__": "2026-01-02T03:04:05.678000+00:00"}]',
    ],
    [
      "datetime text",
      [new DateTime("2026-01-02T03:04:05.678901+02:00"), new DateTime("2026-01-02T03:04:05")],
      '[{"__type__": "datetime", "__value__": "2026-01-02T03:04:05.678901+02:00"}, ' +
        '{"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}]',
    ],
    [
      "date and time",
      [new PlainDate("2026-01-02"), new PlainTime("03:04:05.500000")],
      '[{"__type__": "date", "__value__": "2026-01-02"}, {"__type__": "time", "__value__": "03:04:05.500000"}]',
    ],
    ["decimal", new Decimal("1.10"), '{"__type__": "decimal", "__value__": "1.10"}'],
    [
      "uuid",
      new Uuid("123E4567-e89b-12d3-a456-426614174000"),
      '{"__type__": "uuid", "__value__": {"hex": "123e4567e89b12d3a456426614174000"}}',
    ],
    [
      "bytes",
      [Buffer.from("hé"), new Uint8Array([255, 0])],
      String.raw`[{"__type__": "bytes", "__value__": "h\u00e9"}, {"__type__": "base64", "__value__": "/wA="}]`,
    ],
    [
      "python's spelling of keys",
      new Map<unknown, unknown>([
        [1, 1],
        [null, 2],
        [true, 3],
        [1.5, 4],
        [new Float(2), 5],
      ]),
      '{"1": 1, "null": 2, "true": 3, "1.5": 4, "2.0": 5}',
    ],
  ];
  for (const [name, value, expected] of texts) it(name, () => assert.equal(dumps(value), expected));

  it("follows JSON.stringify where Python has no opinion", () => {
    class Point {
      x = 1;
      #secret = 2;
      get sum(): number {
        return this.x + this.#secret;
      }
    }
    assert.equal(dumps({ a: undefined, b: [undefined] }), '{"b": [null]}');
    assert.equal(dumps(undefined), "null");
    assert.equal(dumps(new Point()), '{"x": 1}');
    assert.equal(dumps({ toJSON: () => [1] }), "[1]");
    assert.equal(dumps([new URL("http://a/"), Object(1), Object("s"), Object(false)]), '["http://a/", 1, "s", false]');
    class Own {
      x = 1;
      toJSON(): this {
        return this;
      }
    }
    assert.equal(dumps(new Own()), '{"x": 1}');
  });

  it("writes the moment of a DateTime that was changed in place", () => {
    const moment = new DateTime("2026-01-02T03:04:05+02:00");
    moment.setUTCFullYear(2030);
    assert.equal(dumps(moment), '{"__type__": "datetime", "__value__": "2030-01-02T01:04:05+00:00"}');
  });

  const circular: { list: unknown[] } = { list: [1] };
  circular.list.push({ back: circular });
  let deep: unknown = 1;
  for (let i = 0; i < 1001; i++) deep = [deep];
  const refused: [string, unknown, RegExp][] = [
    ["function", { a: [1, () => 1] }, /\$\.a\[1\].*a function/],
    ["symbol", { "odd key": Symbol("x") }, /\$\["odd key"\].*a symbol/],
    ["Set", [new Set([1])], /\$\[0\].*Set.*\[\.\.\.set\]/],
    ["Error", { e: new TypeError("x") }, /\$\.e.*TypeError.*message/],
    ["RegExp", /x/, /RegExp/],
    ["promise", Promise.resolve(1), /await/],
    ["typed array", new Float64Array(2), /Array\.from/],
    ["cycle", circular, /\$\.list\[1\]\.back.*contains itself/],
    ["depth", deep, /nested deeper than 1000/],
    ["invalid date", [new Date(NaN)], /\$\[0\].*invalid Date/],
    ["year", [new Date(8.64e15)], /years 1 to 9999/],
    ["key", new Map([[{}, 1]]), /a key must be/],
    [
      "failing toJSON",
      {
        a: {
          toJSON() {
            throw new Error("no way");
          },
        },
      },
      /\$\.a.*no way/,
    ],
  ];
  for (const [name, value, message] of refused)
    it(`refuses: ${name}`, () => {
      assert.throws(
        () => dumps(value),
        (error) => error instanceof EncodeError && message.test(error.message),
      );
    });

  it("takes the deepest allowed nesting", () => {
    const text = "[".repeat(1000) + "]".repeat(1000);
    assert.equal(dumps(loads(text)), text);
  });
});

describe("json loads", () => {
  it("reads what Python writes and JSON.parse does not", () => {
    assert.deepEqual(loads('[NaN, Infinity, -Infinity, {"a": [-Infinity]}]'), [
      NaN,
      Infinity,
      -Infinity,
      { a: [-Infinity] },
    ]);
    assert.deepEqual(loads("[9007199254740991, 9007199254740992, -1180591620717411303424]"), [
      9007199254740991,
      9007199254740992n,
      -1180591620717411303424n,
    ]);
    assert.deepEqual(loads("[0.12345678901234567, 1e400]"), [0.12345678901234566, Infinity]);
    assert.deepEqual(loads('[-0, -0.0, "2026-01-02"]'), [0, -0, "2026-01-02"]);
  });

  it("reads typed objects at any depth", () => {
    const text =
      '{"a": [{"__type__": "datetime", "__value__": "2026-01-02T03:04:05.678901+00:00"}, ' +
      '{"__type__": "date", "__value__": "2026-01-02"}, {"__type__": "time", "__value__": "03:04:05"}, ' +
      '{"__type__": "decimal", "__value__": "1.10"}, {"__type__": "uuid", "__value__": ' +
      '{"hex": "123e4567e89b12d3a456426614174000", "version": 4}}, {"__type__": "bytes", "__value__": "h\\u00e9"}, ' +
      '{"\\u005f_type__": "base64", "__value__": "/wA="}]}';
    assert.deepEqual(loads(text), {
      a: [
        new DateTime("2026-01-02T03:04:05.678901+00:00"),
        new PlainDate("2026-01-02"),
        new PlainTime("03:04:05"),
        new Decimal("1.10"),
        new Uuid("123e4567e89b12d3a456426614174000"),
        new Uint8Array(Buffer.from("hé")),
        new Uint8Array([255, 0]),
      ],
    });
    assert.deepEqual(loads('{"__type__": "x", "__value__": 1}', { typed: false }), { __type__: "x", __value__: 1 });
    assert.deepEqual(loads('{"__type__": "x", "__value__": 1, "more": 2}'), { __type__: "x", __value__: 1, more: 2 });
  });

  it("keeps floats apart from ints when asked to", () => {
    const text = "[1.0, 1, -2e3, 0.5, 1e+22, -0.0, 12.0]";
    assert.deepEqual(loads(text), [1, 1, -2000, 0.5, 1e22, -0, 12]);
    const kept = loads(text, { floats: "keep" });
    assert.deepEqual(kept, [new Float(1), 1, new Float(-2000), 0.5, 1e22, -0, new Float(12)]);
    assert.equal(dumps(kept), "[1.0, 1, -2000.0, 0.5, 1e+22, -0.0, 12.0]");
  });

  it("treats __proto__ and repeated keys as data", () => {
    for (const extra of ["1", "NaN"]) {
      const value = loads(`{"__proto__": {"x": ${extra}}, "a": 1, "a": 2}`) as Record<string, unknown>;
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
      assert.ok(Object.hasOwn(value, "__proto__"));
      assert.equal(value["a"], 2);
    }
  });

  const bad: [string, RegExp][] = [
    ["", /ends at index 0/],
    ["[1,", /ends at index 3/],
    ['{"a":1,}', /index 7/],
    ["[1,]", /index 3/],
    ["[01]", /index 2/],
    ["nan", /index 0/],
    ["1 2", /index 2/],
    ['"a\x01"', /index 0/],
    ['"\\x"', /index 0/],
    ["'a'", /index 0/],
    ["\ufeff1", /index 0/],
    ["[1, -NaN]", /index 4/],
    ['{"__type__": "nope", "__value__": 1}', /unknown __type__ "nope"/],
    ['{"__type__": "constructor", "__value__": 1}', /unknown __type__/],
    ['{"__type__": "uuid", "__value__": "x"}', /does not fit/],
    ['{"__type__": "datetime", "__value__": "2026-02-30T00:00:00"}', /does not fit/],
    ['{"__type__": "datetime", "__value__": null}', /does not fit/],
    ["[".repeat(1001) + "]".repeat(1001), /deeper than 1000/],
    ["[".repeat(1_000_000), /deeper than 1000/],
    ["9".repeat(5000), /4300 digits/],
  ];
  for (const [text, message] of bad)
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(
        () => loads(text),
        (error) => error instanceof DecodeError && message.test(error.message),
      );
    });

  it("needs no quadratic time for long digits, escapes and brackets", () => {
    loads(`[0.${"1".repeat(500_000)}]`);
    loads(`["${"\\\\".repeat(500_000)}", NaN]`);
    loads(`["${'\\"'.repeat(500_000)}", NaN]`);
    loads(`["${"[".repeat(500_000)}"]`);
  }).timeout(4000);
});

describe("json properties", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ max: -(2n ** 53n) }),
    fc.boolean(),
    fc.constant(null),
    fc.integer().map((n) => new Float(n)),
    fc.uint8Array({ maxLength: 8 }),
    fc.uuid().map((text) => new Uuid(text)),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.string(), tie("value"), { maxKeys: 5 }),
    ),
  }));

  it("loads(dumps(x)) is x, and writing it again gives the same text", () => {
    fc.assert(
      fc.property(value, (x) => {
        const text = dumps(x);
        const back = loads(text, { floats: "keep" });
        assert.equal(dumps(back), text);
        assert.deepEqual(back, loads(dumps(back), { floats: "keep" }));
      }),
      { numRuns: 500 },
    );
  });

  it("agrees with JSON.parse on plain JSON, through our own parser too", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!/\d{16}/.test(text)); // where ours is the exact bigint
        const parsed: unknown = JSON.parse(text);
        assert.deepEqual(loads(text), parsed);
        assert.deepEqual(loads(`[${text}, NaN]`, { typed: false }), [parsed, NaN]);
      }),
      { numRuns: 500 },
    );
  });

  it("throws nothing but DecodeError for broken texts", () => {
    const base = '{"a": [1, 2.5, NaN, "é\\u0041"], "b": {"__type__": "decimal", "__value__": "1"}}';
    const edit = fc.tuple(fc.nat(base.length), fc.nat(4), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = base;
        for (const [at, drop, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + drop);
        try {
          loads(text);
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
