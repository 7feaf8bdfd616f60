import { types } from "node:util";
import { ByteWriter } from "../byte-writer.js";
import { isInt } from "../python-number.js";
import { isPlain, jsonView, notData, Refusal } from "../refusal.js";
import { Decimal, Float, PlainDate, PlainTime, Uuid } from "../values.js";

/** msgpack-python packs no deeper. */
const MAX_DEPTH = 511;

/**
 * MessagePack as kombu writes it (`packb(use_bin_type=True)`): safe integers and `bigint` as ints of the smallest
 * size, every other number and `Float` as float64, text as str, `Uint8Array` as bin, objects and `Map` as maps.
 *
 * @throws EncodeError for what msgpack-python refuses too: datetimes, dates, times, decimals, UUIDs, sets, integers
 * outside -2^63 to 2^64-1, text with lone surrogates, more than 511 levels.
 */
export function writeMsgpack(value: unknown): Uint8Array {
  const out = new ByteWriter();
  try {
    write(out, value, 0);
  } catch (error) {
    throw Refusal.toEncodeError(error, "msgpack");
  }
  return out.finish();
}

function write(out: ByteWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case "string":
      return text(out, value);
    case "number":
      return isInt(value) ? int(out, value) : float(out, value);
    case "boolean":
      return out.u8(value ? 0xc3 : 0xc2);
    case "bigint":
      return bigint(out, value);
    case "undefined":
      return out.u8(0xc0);
    case "object":
      if (value === null) return out.u8(0xc0);
      if (depth >= MAX_DEPTH) throw new Refusal(`it is nested deeper than ${MAX_DEPTH} levels`);
      if (Array.isArray(value)) return array(out, value, depth);
      return isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function"
        ? object(out, value as Record<string, unknown>, depth)
        : special(out, value, depth);
    default:
      throw notData(value);
  }
}

function text(out: ByteWriter, value: string): void {
  const size = Buffer.byteLength(value, "utf8");
  if (size !== value.length && /\p{Surrogate}/u.test(value))
    throw new Refusal("a text with a lone surrogate has no UTF-8 form");
  if (size < 32) out.u8(0xa0 | size);
  else if (size < 0x100) out.tagged(0xd9, size, 1, "big");
  else if (size < 0x10000) out.tagged(0xda, size, 2, "big");
  else out.tagged(0xdb, size, 4, "big");
  out.utf8(value, size);
}

function int(out: ByteWriter, value: number): void {
  if (value >= 0) {
    if (value < 0x80) out.u8(value);
    else if (value < 0x100) out.tagged(0xcc, value, 1, "big");
    else if (value < 0x10000) out.tagged(0xcd, value, 2, "big");
    else if (value < 0x100000000) out.tagged(0xce, value, 4, "big");
    else bigint(out, BigInt(value));
  } else if (value >= -0x20) out.u8(value & 0xff);
  else if (value >= -0x80) out.tagged(0xd0, value, 1, "big");
  else if (value >= -0x8000) out.tagged(0xd1, value, 2, "big");
  else if (value >= -0x80000000) out.tagged(0xd2, value, 4, "big");
  else bigint(out, BigInt(value));
}

function bigint(out: ByteWriter, value: bigint): void {
  if (value >= -0x80000000n && value <= 0xffffffffn) return int(out, Number(value));
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    throw new Refusal("an integer must be between -2^63 and 2^64-1 there; send it as text, or with another serializer");
  out.u8(value < 0n ? 0xd3 : 0xcf);
  out.u64(value, "big");
}

function float(out: ByteWriter, value: number): void {
  out.u8(0xcb);
  out.f64be(value);
}

function head(out: ByteWriter, size: number, fix: number, tag16: number): void {
  if (size < 16) out.u8(fix | size);
  else if (size < 0x10000) out.tagged(tag16, size, 2, "big");
  else out.tagged(tag16 + 1, size, 4, "big");
}

function array(out: ByteWriter, value: readonly unknown[], depth: number): void {
  head(out, value.length, 0x90, 0xdc);
  let index = 0;
  try {
    for (; index < value.length; index++) write(out, value[index], depth + 1);
  } catch (error) {
    throw Refusal.within(error, value, index);
  }
}

function object(out: ByteWriter, value: Record<string, unknown>, depth: number): void {
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  head(out, keys.length, 0x80, 0xde);
  let at = "";
  try {
    for (at of keys) {
      text(out, at);
      write(out, value[at], depth + 1);
    }
  } catch (error) {
    throw Refusal.within(error, value, at);
  }
}

function map(out: ByteWriter, value: ReadonlyMap<unknown, unknown>, depth: number): void {
  head(out, value.size, 0x80, 0xde);
  for (const [key, member] of value) {
    try {
      write(out, key, depth + 1);
      write(out, member, depth + 1);
    } catch (error) {
      throw Refusal.within(error, value, key);
    }
  }
}

function special(out: ByteWriter, value: object, depth: number): void {
  if (types.isUint8Array(value)) return bin(out, value);
  if (types.isMap(value)) return map(out, value, depth);
  if (value instanceof Float) return float(out, value.valueOf());
  if (types.isDate(value)) throw notData(value, "send date.toISOString()");
  if (value instanceof Decimal || value instanceof Uuid || value instanceof PlainDate || value instanceof PlainTime)
    throw notData(value, "send String(it)");
  const view = jsonView(value);
  return view === value ? object(out, value as Record<string, unknown>, depth) : write(out, view, depth + 1);
}

function bin(out: ByteWriter, value: Uint8Array): void {
  const size = value.length;
  if (size < 0x100) out.tagged(0xc4, size, 1, "big");
  else if (size < 0x10000) out.tagged(0xc5, size, 2, "big");
  else out.tagged(0xc6, size, 4, "big");
  out.bytes(value);
}
