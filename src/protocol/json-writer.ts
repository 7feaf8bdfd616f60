import { isUtf8 } from "node:buffer";
import { types } from "node:util";
import { isInt, pyFloat } from "./python-number.js";
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

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** `JSON.stringify` escapes what both languages must; the rest of what is not printable ASCII is added here. */
function escaped(value: string): string {
  return JSON.stringify(value).replace(/[\x7f-\uffff]+/g, (run) => {
    let out = "";
    for (let i = 0; i < run.length; i++) {
      const unit = run.charCodeAt(i);
      out += `\\u${HEX[unit >> 8]}${HEX[unit & 255]}`;
    }
    return out;
  });
}

function number(value: number): string {
  return isInt(value) ? `${value}` : float(value);
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
