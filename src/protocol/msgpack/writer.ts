import { types } from "node:util";
import { isInt } from "../python-number.js";
import { isPlain, jsonView, notData, Refusal } from "../refusal.js";
import { Decimal, Float, PlainDate, PlainTime, Uuid } from "../values.js";
import { Exact, msgpackr } from "./package.js";

/** msgpack-python packs no deeper. */
const MAX_DEPTH = 511;

/** msgpackr would keep a buffer of the size of the largest message for good; from this size on it gets a new one. */
const LARGE = 1 << 20;

/**
 * MessagePack as kombu writes it (`packb(use_bin_type=True)`): safe integers and `bigint` as ints of the smallest
 * size, every other number and `Float` as float64, text as str, `Uint8Array` as bin, objects and `Map` as maps.
 *
 * @throws EncodeError for what msgpack-python refuses too: datetimes, dates, times, decimals, UUIDs, sets, integers
 * outside -2^63 to 2^64-1, text with lone surrogates, more than 511 levels. ImproperlyConfigured without msgpackr.
 */
export function writeMsgpack(value: unknown): Uint8Array {
  const packr = msgpackr();
  try {
    const bytes = packr.pack(packable(value, 0));
    if (bytes.length > LARGE) packr.useBuffer(Buffer.allocUnsafeSlow(8192));
    return bytes;
  } catch (error) {
    throw Refusal.toEncodeError(error, "msgpack");
  }
}

/** The value in the terms that msgpackr writes as Python does: nothing is left for it to decide. */
function packable(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
      if (isInt(value)) return value === (value | 0) || value === value >>> 0 ? value : int(BigInt(value));
      return value === 0 ? new Exact(0xcb, value) : value;
    case "boolean":
      return value;
    case "bigint":
      return int(value);
    case "undefined":
      return null;
    case "object":
      if (value === null) return null;
      if (depth >= MAX_DEPTH) throw new Refusal(`it is nested deeper than ${MAX_DEPTH} levels`);
      if (Array.isArray(value)) return array(value, depth);
      return isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function"
        ? map(value, members(value), depth)
        : special(value, depth);
    default:
      throw notData(value);
  }
}

function text(value: string): string {
  if (/\p{Surrogate}/u.test(value)) throw new Refusal("a text with a lone surrogate has no UTF-8 form");
  return value;
}

function int(value: bigint): unknown {
  if (value >= -0x80000000n && value <= 0xffffffffn) return Number(value);
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    throw new Refusal("an integer must be between -2^63 and 2^64-1 there; send it as text, or with another serializer");
  return value < 0n ? value : new Exact(0xcf, value);
}

function array(value: readonly unknown[], depth: number): unknown[] {
  const out: unknown[] = [];
  try {
    while (out.length < value.length) out.push(packable(value[out.length], depth + 1));
  } catch (error) {
    throw Refusal.within(error, value, out.length);
  }
  return out;
}

const members = (value: object): [string, unknown][] => Object.entries(value).filter(([, one]) => one !== undefined);

/** Objects go as a `Map` too: msgpackr looks at members such as `constructor` and `toJSON` of an object. */
function map(value: object, entries: Iterable<[unknown, unknown]>, depth: number): Map<unknown, unknown> {
  const out = new Map<unknown, unknown>();
  for (const [key, member] of entries) {
    try {
      out.set(packable(key, depth + 1), packable(member, depth + 1));
    } catch (error) {
      throw Refusal.within(error, value, key);
    }
  }
  return out;
}

function special(value: object, depth: number): unknown {
  if (types.isUint8Array(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (types.isMap(value)) return map(value, value, depth);
  if (value instanceof Float) return new Exact(0xcb, value.valueOf());
  if (types.isDate(value)) throw notData(value, "send date.toISOString()");
  if (value instanceof Decimal || value instanceof Uuid || value instanceof PlainDate || value instanceof PlainTime)
    throw notData(value, "send String(it)");
  const view = jsonView(value);
  return view === value ? map(value, members(value), depth) : packable(view, depth + 1);
}
