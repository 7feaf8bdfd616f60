import { isDeepStrictEqual } from "node:util";
import { pythonIso } from "../src/protocol/values.js";
import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "../src/protocol/values.js";
import { PyObject } from "../src/protocol/pickle/py-object.js";

/**
 * The notation of generator/neutral.py, in which both languages write down what they read. `canonical` gives equal
 * notations one form; `toNeutral` makes that form from our values, `fromNeutral` our values from the notation.
 */

export interface NeutralOptions {
  /** Floats with a whole value count as integers: what a reader gives that was not asked to keep them apart. */
  readonly plainFloats?: boolean;
}

type Fields = Record<string, unknown>;

const ordered = (items: readonly unknown[]): unknown[] =>
  items
    .map((item) => [JSON.stringify(item), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, item]) => item);

/** A dict: an object without prototype when its keys are plain texts, else its pairs in a fixed order. */
function dict(pairs: readonly (readonly [unknown, unknown])[]): unknown {
  if (pairs.every(([key]) => typeof key === "string" && !/^\$|^\d+$/.test(key))) {
    const object = Object.create(null) as Fields;
    for (const [key, value] of pairs) object[key as string] = value;
    return object;
  }
  return { $dict: ordered(pairs.map((pair) => [...pair])) };
}

const float = (value: number, options: NeutralOptions): unknown =>
  options.plainFloats && Number.isInteger(value)
    ? int(BigInt(value))
    : { $float: Object.is(value, -0) ? "-0" : String(value) };

const int = (value: bigint): unknown =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : { $int: String(value) };

/** Python writes offsets and fractions as we do, except for what a text may leave open. */
const time = (iso: string): string =>
  iso
    .replace(" ", "T")
    .replace(/[zZ]$/, "+00:00")
    .replace(/\.(\d+)/, (_, digits: string) => (/^0+$/.test(digits) ? "" : `.${digits.padEnd(6, "0").slice(0, 6)}`));

const bytes = (value: Uint8Array): unknown => ({ $bytes: Buffer.from(value).toString("base64") });

/** Our value in canonical notation. */
export function toNeutral(value: unknown, options: NeutralOptions = {}): unknown {
  const inner = (one: unknown): unknown => toNeutral(one, options);
  if (value === undefined || value === null || typeof value === "boolean" || typeof value === "string")
    return value ?? null;
  if (typeof value === "bigint") return int(value);
  if (typeof value === "number")
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : float(value, options);
  if (value instanceof Float) return float(value.valueOf(), options);
  if (value instanceof Uint8Array) return bytes(value);
  if (value instanceof DateTime) return { $datetime: time(value.iso) };
  if (value instanceof Date) return { $datetime: time(pythonIso(value)) };
  if (value instanceof PlainDate) return { $date: value.value };
  if (value instanceof PlainTime) return { $time: time(value.value) };
  if (value instanceof Decimal) return { $decimal: value.value };
  if (value instanceof Uuid) return { $uuid: value.value };
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Set) return { $set: ordered([...value].map(inner)) };
  if (value instanceof Map) return dict([...value].map(([key, one]) => [inner(key), inner(one)] as const));
  if (value instanceof PyObject) {
    if (value.module === "datetime" && value.name === "timedelta") return { $timedelta: value.args?.map(inner) };
    return { $object: `${value.module}.${value.name}`, args: value.args?.map(inner) ?? null };
  }
  // As everywhere in JavaScript, a member that is undefined is not there.
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  return dict(members.map(([key, one]) => [key, inner(one)] as const));
}

/** Python's notation in canonical form. */
export function canonical(value: unknown, options: NeutralOptions = {}): unknown {
  const inner = (one: unknown): unknown => canonical(one, options);
  if (Array.isArray(value)) return value.map(inner);
  if (typeof value !== "object" || value === null) return value;
  const [mark, content] = marked(value);
  switch (mark) {
    case null:
      return dict(Object.entries(value).map(([key, one]) => [key, inner(one)] as const));
    case "$int":
      return int(BigInt(content as string));
    case "$float":
      return float(pythonFloat(content as string), options);
    case "$datetime":
    case "$time":
      return { [mark]: time(content as string) };
    case "$set":
      return { $set: ordered((content as unknown[]).map(inner)) };
    case "$dict":
      return dict((content as [unknown, unknown][]).map(([key, one]) => [inner(key), inner(one)] as const));
    case "$repeat":
      return repeat(content, inner);
    default:
      return { [mark]: content };
  }
}

function marked(value: object): [null, undefined] | [string, unknown] {
  const [first, ...rest] = Object.entries(value);
  return first && rest.length === 0 && first[0].startsWith("$") ? first : [null, undefined];
}

function repeat(content: unknown, inner: (one: unknown) => unknown): unknown {
  const [unit, count] = content as [unknown, number];
  if (typeof unit === "string") return unit.repeat(count);
  const whole = inner(unit);
  if (Array.isArray(whole)) return new Array<unknown[]>(count).fill(whole as unknown[]).flat();
  const one = Buffer.from((whole as { $bytes: string }).$bytes, "base64");
  return bytes(Buffer.concat(new Array<Buffer>(count).fill(one)));
}

const SPECIAL: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity };
const pythonFloat = (text: string): number => SPECIAL[text] ?? Number(text);

/** What our encoders are given to make the same bytes as Python: dicts as maps, so that any key keeps its place. */
export function fromNeutral(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromNeutral);
  if (typeof value !== "object" || value === null) return value;
  const [mark, content] = marked(value);
  switch (mark) {
    case null:
      return new Map(Object.entries(value).map(([key, one]) => [key, fromNeutral(one)]));
    case "$int":
      return BigInt(content as string);
    case "$float": {
      const number = pythonFloat(content as string);
      return Number.isInteger(number) ? new Float(number) : number;
    }
    case "$bytes":
      return Buffer.from(content as string, "base64");
    case "$datetime":
      return new DateTime(content as string);
    case "$date":
      return new PlainDate(content as string);
    case "$time":
      return new PlainTime(content as string);
    case "$decimal":
      return new Decimal(content as string);
    case "$uuid":
      return new Uuid(content as string);
    case "$set":
      return new Set((content as unknown[]).map(fromNeutral));
    case "$dict":
      return new Map((content as [unknown, unknown][]).map(([key, one]) => [fromNeutral(key), fromNeutral(one)]));
    case "$repeat":
      return fromNeutral(canonical(value));
    default:
      throw new TypeError(`no value of ours for ${mark}`);
  }
}

/** Whether our encoders can be given it at all. */
export function isOurs(value: unknown): boolean {
  try {
    fromNeutral(value);
    return true;
  } catch {
    return false;
  }
}

export const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);
