import { types } from "node:util";
import { dateText, timeText, type IsoParts } from "../iso.js";
import { isInt, pyFloat } from "../python-number.js";
import { isPlain, jsonView, MAX_DEPTH, notData, Refusal, tooDeep } from "../refusal.js";
import { dateParts, Decimal, Float, PlainDate, PlainTime, Uuid } from "../values.js";

/**
 * YAML that PyYAML's `safe_load` reads as the same value. It is written in flow style with every text in double
 * quotes, so that no word, number or date in a text can be taken for something else under YAML 1.1's rules.
 *
 * @throws EncodeError for what `safe_dump` refuses too: times, decimals, UUIDs, besides what is no data anyway.
 */
export function writeYaml(value: unknown): string {
  try {
    return `${write(value, 0)}\n`;
  } catch (error) {
    throw Refusal.toEncodeError(error, "YAML");
  }
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
      return isInt(value) ? String(value) : float(value);
    case "boolean":
    case "bigint":
      return String(value);
    case "undefined":
      return "null";
    case "object":
      if (value === null) return "null";
      if (depth >= MAX_DEPTH) throw tooDeep();
      if (Array.isArray(value)) return array(value, depth);
      return isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function"
        ? members(value, Object.entries(value), depth)
        : special(value, depth);
    default:
      throw notData(value);
  }
}

const SHORT: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r" };

function text(value: string): string {
  return `"${value.replace(/[^ !#-[\]-~]/gu, (char) => SHORT[char] ?? escape(char.codePointAt(0) ?? 0))}"`;
}

function escape(point: number): string {
  const hex = point.toString(16);
  if (point < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return point < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** PyYAML takes a number for a float only when it has a point. */
function float(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  const digits = pyFloat(value);
  return digits.includes(".") ? digits : digits.replace("e", ".0e");
}

function array(value: readonly unknown[], depth: number): string {
  let index = 0;
  const items: string[] = [];
  try {
    for (; index < value.length; index++) items.push(write(value[index], depth + 1));
  } catch (error) {
    throw Refusal.within(error, value, index);
  }
  return `[${items.join(", ")}]`;
}

function members(container: object, entries: Iterable<readonly [unknown, unknown]>, depth: number): string {
  const out: string[] = [];
  for (const [key, member] of entries) {
    if (member === undefined) continue;
    try {
      out.push(`${keyText(key, depth)}: ${write(member, depth + 1)}`);
    } catch (error) {
      throw Refusal.within(error, container, key);
    }
  }
  return `{${out.join(", ")}}`;
}

/** A key of more than 1024 characters must be announced by a question mark; from then on any key may be. */
function keyText(key: unknown, depth: number): string {
  if (Array.isArray(key) || types.isMap(key)) throw new Refusal("a list or map cannot be a key");
  const written = write(key, depth + 1);
  return written.length > 100 ? `? ${written} ` : written;
}

function special(value: object, depth: number): string {
  if (types.isDate(value)) return `!!timestamp "${timestamp(value)}"`;
  if (types.isUint8Array(value)) return `!!binary "${Buffer.from(value).toString("base64")}"`;
  if (types.isMap(value)) return members(value, value, depth);
  if (types.isSet(value))
    return `!!set ${members(
      value,
      [...value].map((one) => [one, null] as const),
      depth,
    )}`;
  if (value instanceof Float) return float(value.valueOf());
  if (value instanceof PlainDate) return `!!timestamp "${value.value}"`;
  if (value instanceof Decimal || value instanceof Uuid || value instanceof PlainTime)
    throw notData(value, "send String(it)");
  const view = jsonView(value);
  return view === value ? members(value, Object.entries(value), depth) : write(view, depth + 1);
}

/** PyYAML reads offsets of whole minutes only; a datetime with another one is written in UTC. */
function timestamp(value: Date): string {
  const parts = dateParts(value);
  const isWhole = parts.offset === null || parts.offset % 60 === 0;
  const written: IsoParts = isWhole
    ? parts
    : { ...dateParts(new Date(value.getTime())), microsecond: parts.microsecond };
  return `${dateText(written)} ${timeText(written)}`;
}
