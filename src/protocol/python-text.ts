import { types } from "node:util";
import { dateText, timeText } from "./iso.js";
import { pyFloat, pyNumber } from "./python-number.js";
import { pythonRepr } from "./python-repr.js";
import { dateParts, Decimal, Float, PlainDate, PlainTime, Uuid } from "./values.js";

/**
 * Python's `repr()` and `str()` of decoded data, exact where `saferepr` is not: strings are quoted and escaped as
 * Python does, nothing is cut. Exceptions are shown with it.
 */
export function exactRepr(value: unknown): string {
  return repr(value, 0, { left: MOST_VALUES });
}

/** Python's `str()`: texts as they are, dates with a space, anything else by its repr. */
export function exactStr(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uuid || value instanceof Decimal || value instanceof PlainDate || value instanceof PlainTime)
    return value.value;
  if (!types.isDate(value)) return exactRepr(value);
  try {
    const parts = dateParts(value);
    return `${dateText(parts)} ${timeText(parts)}`;
  } catch {
    return exactRepr(value); // no date of Python's
  }
}

/** A Python tuple: `()`, `(1,)`, `(1, 2)`. */
export const tupleRepr = (items: readonly unknown[]): string =>
  items.length === 1 ? `(${exactRepr(items[0])},)` : `(${items.map(exactRepr).join(", ")})`;

const MAX_DEPTH = 100;
/** Containers shown at most: a pickle may share one so often that its text would never end. */
const MOST_VALUES = 100_000;

interface Budget {
  left: number;
}

function repr(value: unknown, depth: number, budget: Budget): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return pyNumber(value);
    case "bigint":
      return String(value);
    case "boolean":
      return value ? "True" : "False";
    case "undefined":
      return "None";
    case "object":
      return value === null ? "None" : reprObject(value, depth, budget);
    default:
      return `<${typeof value}>`;
  }
}

function reprObject(value: object, depth: number, budget: Budget): string {
  if (depth > MAX_DEPTH || budget.left-- <= 0) return "...";
  const inner = (one: unknown): string => repr(one, depth + 1, budget);
  if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
  if (value instanceof Float) return pyFloat(value.valueOf());
  if (value instanceof Uint8Array) return bytes(value);
  const special = pythonRepr(value);
  if (special !== undefined) return special;
  if (value instanceof Set)
    return value.size === 0 ? "set()" : `{${[...(value as Set<unknown>)].map(inner).join(", ")}}`;
  const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
  return `{${entries.map(([key, one]) => `${inner(key)}: ${inner(one)}`).join(", ")}}`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Single quotes, unless only double ones need no escape. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replaceAll(/[\\\n\r\t]|(?! )[\p{C}\p{Z}]|'/gu, (char) => {
    if (char === "'") return mark === "'" ? "\\'" : char;
    return ESCAPES[char] ?? escapeCode(char.codePointAt(0) ?? 0);
  });
  return mark + body + mark;
}

function escapeCode(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

function bytes(value: Uint8Array): string {
  let text = "";
  for (const byte of value) {
    const char = String.fromCharCode(byte);
    text += ESCAPES[char] ?? (byte < 0x20 || byte > 0x7e ? escapeCode(byte) : char);
  }
  return text.includes("'") && !text.includes('"') ? `b"${text}"` : `b'${text.replaceAll("'", "\\'")}'`;
}
