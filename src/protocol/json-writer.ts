import { isUtf8 } from "node:buffer";
import { types } from "node:util";
import { pyFloat } from "./python-number.js";
import { isPlain, jsonView, MAX_DEPTH, notData, Refusal, tooDeep } from "./refusal.js";
import { Decimal, Float, PlainDate, PlainTime, pythonIso, Uuid } from "./values.js";

/**
 * The JSON text that kombu (5.3 and later) writes for the same value, byte for byte: `", "` and `": "` between things,
 * only ASCII characters, Python's floats, and the `{"__type__", "__value__"}` objects of kombu/utils/json.py.
 *
 * - a safe integer is written as an int, any other number as a float (`2 ** 53` is `9007199254740992.0`), `Float`
 *   always as a float, `bigint` as an int; NaN and the infinities as the bare words that Python writes and reads
 * - `Date` and `DateTime` become datetimes, `Uint8Array` bytes; `PlainDate`, `PlainTime`, `Decimal`, `Uuid` likewise
 * - `undefined` is left out of objects and is null elsewhere; `toJSON()` is respected; a `Map` becomes an object with
 *   Python's spelling of its keys
 *
 * @throws EncodeError naming the path of a value that has no such form: functions, symbols, sets, errors, regular
 * expressions, cycles, invalid dates, more than 1000 levels.
 */
export function dumps(value: unknown): string {
  try {
    return write(value, 0);
  } catch (error) {
    throw Refusal.toEncodeError(error, "JSON");
  }
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
      return number(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return array(value, depth);
      return isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function"
        ? object(value as Record<string, unknown>, depth)
        : special(value, depth);
    case "undefined":
      return "null";
    case "bigint":
      return value.toString();
    default:
      throw notData(value);
  }
}

const PLAIN = /^[ !#-[\]-~]*$/;

function text(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : escaped(value);
}

/** What follows the backslash where the escape is short. */
const SHORT = new Map([...'"\\\b\f\n\r\t'].map((char, i) => [char.charCodeAt(0), '"\\bfnrt'.charCodeAt(i)]));
const HEX = Buffer.from("0123456789abcdef", "latin1");
/** Longer texts are escaped in pieces of this many UTF-16 units. */
const PIECE = 8192;
const scratch = Buffer.alloc(6 * PIECE);

/** Bytes into a buffer: a string put together of thousands of short escapes would be ten times slower. */
function escaped(value: string): string {
  let out = '"';
  for (let start = 0; start < value.length; start += PIECE) {
    const end = Math.min(start + PIECE, value.length);
    let length = 0;
    for (let i = start; i < end; i++) length = escapeUnit(value.charCodeAt(i), length);
    out += scratch.toString("latin1", 0, length);
  }
  return `${out}"`;
}

function escapeUnit(unit: number, at: number): number {
  if (unit >= 0x20 && unit < 0x7f && unit !== 0x22 && unit !== 0x5c) {
    scratch[at] = unit;
    return at + 1;
  }
  scratch[at] = 0x5c;
  const short = unit < 0x80 ? SHORT.get(unit) : undefined;
  if (short !== undefined) {
    scratch[at + 1] = short;
    return at + 2;
  }
  scratch[at + 1] = 0x75;
  scratch[at + 2] = HEX[unit >> 12] as number;
  scratch[at + 3] = HEX[(unit >> 8) & 15] as number;
  scratch[at + 4] = HEX[(unit >> 4) & 15] as number;
  scratch[at + 5] = HEX[unit & 15] as number;
  return at + 6;
}

function number(value: number): string {
  if (Number.isSafeInteger(value)) return value !== 0 || 1 / value > 0 ? `${value}` : "-0.0";
  return float(value);
}

function float(value: number): string {
  if (Number.isFinite(value)) return pyFloat(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

function array(value: readonly unknown[], depth: number): string {
  const { length } = value;
  if (length === 0) return "[]";
  if (depth >= MAX_DEPTH) throw tooDeep();
  let index = 0;
  try {
    let out = `[${write(value[0], depth + 1)}`;
    for (index = 1; index < length; index++) out += `, ${write(value[index], depth + 1)}`;
    return `${out}]`;
  } catch (error) {
    throw Refusal.within(error, value, index);
  }
}

function object(value: Record<string, unknown>, depth: number): string {
  if (depth >= MAX_DEPTH) throw tooDeep();
  let out = "{";
  let key = "";
  try {
    for (key of Object.keys(value)) {
      const member = value[key];
      if (member === undefined) continue;
      out += out.length === 1 ? `${text(key)}: ` : `, ${text(key)}: `;
      out += write(member, depth + 1);
    }
  } catch (error) {
    throw Refusal.within(error, value, key);
  }
  return `${out}}`;
}

function map(value: ReadonlyMap<unknown, unknown>, depth: number): string {
  if (depth >= MAX_DEPTH) throw tooDeep();
  const members: string[] = [];
  for (const [key, member] of value) {
    try {
      members.push(`${text(keyText(key))}: ${write(member, depth + 1)}`);
    } catch (error) {
      throw Refusal.within(error, value, key);
    }
  }
  return `{${members.join(", ")}}`;
}

/** Python's `json` takes str, int, float, bool and None as keys, each by its JSON text. */
function keyText(key: unknown): string {
  if (typeof key === "string") return key;
  if (typeof key === "number") return number(key);
  if (typeof key === "boolean" || typeof key === "bigint") return String(key);
  if (key === null) return "null";
  if (key instanceof Float) return float(key.valueOf());
  throw new Refusal("a key must be a string, a number, a boolean or null");
}

const typed = (marker: string, value: string): string => `{"__type__": "${marker}", "__value__": ${value}}`;

function special(value: object, depth: number): string {
  if (types.isDate(value)) return typed("datetime", `"${pythonIso(value)}"`);
  if (types.isUint8Array(value)) return bytes(value);
  if (types.isMap(value)) return map(value, depth);
  if (value instanceof Float) return float(value.valueOf());
  if (value instanceof Uuid) return typed("uuid", `{"hex": "${value.hex}"}`);
  if (value instanceof Decimal) return typed("decimal", `"${value.value}"`);
  if (value instanceof PlainDate) return typed("date", `"${value.value}"`);
  if (value instanceof PlainTime) return typed("time", `"${value.value.replace(/Z$/, "+00:00")}"`);
  const view = jsonView(value);
  return view === value ? object(value as Record<string, unknown>, depth) : write(view, depth + 1);
}

/** Bytes travel as their text when they are UTF-8, else as base64. */
function bytes(value: Uint8Array): string {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return isUtf8(buffer)
    ? typed("bytes", text(buffer.toString("utf8")))
    : typed("base64", `"${buffer.toString("base64")}"`);
}
