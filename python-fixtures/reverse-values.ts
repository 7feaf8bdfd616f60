import fc from "fast-check";
import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "../src/protocol/values.js";

/** Values of ours for Python to read: a list by hand, and generated ones, for each serializer what it can hold. */

export type SerializerName = "json" | "yaml" | "msgpack" | "pickle";

interface Holds {
  /** Lone surrogates in text. */
  readonly surrogates: boolean;
  /** Integers of any size. */
  readonly bigIntegers: boolean;
  readonly dates: boolean;
  readonly times: boolean;
  readonly sets: boolean;
  /** Keys that are no text. */
  readonly keys: boolean;
}

const HOLDS: Readonly<Record<SerializerName, Holds>> = {
  json: { surrogates: true, bigIntegers: true, dates: true, times: true, sets: false, keys: false },
  yaml: { surrogates: false, bigIntegers: true, dates: true, times: false, sets: true, keys: true },
  msgpack: { surrogates: false, bigIntegers: false, dates: false, times: false, sets: false, keys: false },
  pickle: { surrogates: true, bigIntegers: true, dates: true, times: true, sets: true, keys: true },
};

export const serializerNames = Object.keys(HOLDS) as SerializerName[];

const TEXTS = [
  "",
  "plain",
  "naïve 日本語 Привет",
  "😀 👨‍👩",
  "quote \" ' back\\slash /",
  "\u0000\u0001\u001f\u007f\u0085\u00a0\u2028\u2029\ufeff\uffff",
  "line\nbreak\r\n\ttab ",
  " leading and trailing ",
  ...["null", "~", "true", "yes", "no", "1", "1.0", "0x1F", "1_000", "12:30:45", "2026-01-02", ".inf", "=", "<<"],
  ...[
    "- item",
    "key: value",
    "# no",
    "value # no",
    "[1]",
    "{a: 1}",
    "&a",
    "*a",
    "!t",
    "|",
    ">",
    "%",
    "@",
    "`",
    "?",
    "---",
  ],
  "word ".repeat(60),
  "x".repeat(3000),
  "multi\nline\n\n  text\n",
];

const NUMBERS = [
  ...[0, 1, -1, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32],
  ...[Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0.1, 0.5, 1 / 3, 1e-5, 1.5e-7, 5e-324, 1.7976931348623157e308],
  ...[-0, NaN, Infinity, -Infinity, 0.1 + 0.2, 123456.789e3],
  ...[0, 1, -1, 3, 1e15, 1e16, 1e21, 1e22, 1e100, 2 ** 53].map((whole) => new Float(whole)),
];

const WIDE = [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 5n];
const HUGE = [2n ** 64n, -(2n ** 63n) - 1n, 10n ** 30n, -(10n ** 200n)];

const BYTES = [[], [97, 98, 99], [0xff, 0xfe, 0], [0xc3, 0xa9], Array.from({ length: 256 }, (_, byte) => byte)].map(
  (each) => Uint8Array.from(each),
);

const DATES = [
  new Date(0),
  new Date("2026-01-02T03:04:05.678Z"),
  new Date("1969-12-31T23:59:59.001Z"),
  new DateTime("2026-01-02T03:04:05"),
  new DateTime("2026-01-02T03:04:05.000006"),
  new DateTime("2026-06-30T23:59:59.999999+05:30"),
  new DateTime("2026-06-30T00:00:00-03:30"),
  new DateTime("2024-02-29T12:00:00+00:00"),
  new PlainDate("2026-01-02"),
  new PlainDate("0001-01-01"),
  new PlainDate("9999-12-31"),
];

const TIMES = [
  new PlainTime("03:04:05"),
  new PlainTime("23:59:59.999999"),
  new PlainTime("03:04:05+05:30"),
  ...["1.10", "0", "-0", "1E+5", "NaN", "-Infinity", "-12345678901234567890.123456789"].map(
    (text) => new Decimal(text),
  ),
  new Uuid("8bf4f0b0-1234-4abc-8def-0123456789ab"),
  new Uuid("00000000-0000-0000-0000-000000000000"),
];

const CONTAINERS: readonly unknown[] = [
  [],
  {},
  [[], {}, [[]], { a: {} }],
  { a: [1, { b: [2, [3, { c: null }]] }], d: { e: { f: {} } } },
  { b: 1, 2: 2, a: 3, 1: 4 },
  { "": "", "a b": 1, ключ: 2, __type__: "x" },
  Object.defineProperty({}, "__proto__", { value: { polluted: true }, enumerable: true }),
  { constructor: 1, toString: null, hasOwnProperty: [] },
  Array.from({ length: 1200 }, (_, index) => index),
  new Map<unknown, unknown>([
    ["z", 1],
    ["a", new Map([["b", [true]]])],
  ]),
  { left: undefined, kept: null },
  [undefined, 1],
];

/** The list by hand, for one serializer. */
export function catalogue(name: SerializerName): unknown[] {
  const holds = HOLDS[name];
  return [
    ...[null, true, false],
    ...TEXTS,
    ...(holds.surrogates ? ["\ud800", "a\udc00b", "\udc00\ud800"] : []),
    ...NUMBERS,
    ...WIDE,
    ...(holds.bigIntegers ? HUGE : []),
    ...BYTES,
    ...(holds.dates ? DATES : []),
    ...(holds.times ? TIMES : []),
    ...CONTAINERS,
    ...(holds.sets ? [new Set(), new Set([1, "a", null]), { inner: [new Set([2])] }] : []),
    ...(holds.keys
      ? [
          new Map<unknown, unknown>([
            [1, "int"],
            ["1", "text"],
            [null, 0],
            [2.5, []],
          ]),
        ]
      : []),
    ...(holds.dates ? [{ when: DATES, deep: [{ at: DATES[1] }] }] : []),
  ];
}

const twoDigits = (most: number): fc.Arbitrary<string> =>
  fc.integer({ min: 0, max: most }).map((number) => String(number).padStart(2, "0"));
const fraction = fc
  .option(fc.integer({ min: 1, max: 999_999 }), { nil: 0 })
  .map((micros) => (micros === 0 ? "" : `.${String(micros).padStart(6, "0")}`));
const offset = fc.constantFrom("", "+00:00", "+05:30", "-11:00");
const clock = fc
  .tuple(twoDigits(23), twoDigits(59), twoDigits(59), fraction)
  .map(([hours, minutes, seconds, rest]) => `${hours}:${minutes}:${seconds}${rest}`);
const day = fc
  .date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));

/** Generated values that this serializer can hold. */
export function values(name: SerializerName): fc.Arbitrary<unknown> {
  const holds = HOLDS[name];
  const text = fc.string({ unit: holds.surrogates ? "binary" : "grapheme", maxLength: 40 });
  const unpaired = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units));
  const number = fc.double().map((value) => (Number.isInteger(value) ? new Float(value) : value));
  const limit = holds.bigIntegers ? 2n ** 100n : 2n ** 63n - 1n;
  const leaf = fc.oneof(
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -limit, max: limit }),
    number,
    text,
    fc.uint8Array({ maxLength: 24 }),
    ...(holds.surrogates ? [unpaired] : []),
    ...(holds.dates
      ? [
          fc.tuple(day, clock, offset).map(([date, time, zone]) => new DateTime(`${date}T${time}${zone}`)),
          day.map((date) => new PlainDate(date)),
        ]
      : []),
    ...(holds.times
      ? [
          clock.map((time) => new PlainTime(time)),
          fc.uuid().map((id) => new Uuid(id)),
          fc
            .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.stringMatching(/^\d{1,6}$/))
            .map(([whole, rest]) => new Decimal(`${whole}.${rest}`)),
        ]
      : []),
  );
  return fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(text, tie("value"), { maxKeys: 5 }),
    ),
  })).value;
}
