import { DecodeError } from "../errors.js";
import { reviveTyped } from "./json-types.js";
import { setOwn } from "./own.js";
import { MAX_DEPTH } from "./refusal.js";
import { readFloat } from "./values.js";

export interface LoadsOptions {
  /**
   * "keep" reads a float that is a safe integer (`1.0`, `1e3`) as a `Float`, so that it is written as a float again;
   * without it such a number is a plain number.
   */
  readonly floats?: "keep" | undefined;
  /** false leaves `{"__type__", "__value__"}` objects as they are. Default true. */
  readonly typed?: boolean | undefined;
}

/**
 * Reads what kombu's JSON writes: bare NaN and infinities, integers of any size (beyond 2^53-1 as `bigint`), typed
 * objects (as `DateTime`, `PlainDate`, `PlainTime`, `Decimal`, `Uuid`, `Uint8Array`). Of equal keys the last wins;
 * `__proto__` is an ordinary member. `JSON.parse` does the work wherever it gives the same answer.
 *
 * @throws DecodeError with the position of what is wrong; also for more than 1000 levels, integers of more than 4300
 * digits (Python's own limits) and unknown `__type__` markers.
 */
export function loads(text: string, options?: LoadsOptions): unknown {
  const keep = options?.floats === "keep";
  if (!isSpecial(text) && !(keep && hasFloat(text)) && !nestsTooDeep(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // Our own parser says where it went wrong.
    }
  }
  return new JsonParser(text, keep, options?.typed ?? true).document();
}

/**
 * Whether the text may hold what `JSON.parse` reads otherwise than Python: the bare words, integers that may be
 * unsafe, the int -0, typed objects (also with an escaped underscore). A match inside a string costs time alone. Separate searches
 * for fixed things are many times faster than one alternation.
 */
const isSpecial = (text: string): boolean =>
  text.includes("__type__") ||
  text.includes("NaN") ||
  text.includes("Infinity") ||
  hasLongInt(text) ||
  (text.includes("-0") && MINUS_ZERO.test(text)) ||
  ESCAPED_UNDERSCORE.test(text);

const LONG = 16;

/** Whether there is an integer of 16 digits or more: such a run covers one of every 16 places, so few are looked at. */
function hasLongInt(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (isDigit(text.charCodeAt(end))) end++;
    if (end - start >= LONG && BEFORE_INT.test(text.charAt(start - 1))) return true;
    at = end;
  }
  return false;
}

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;
/** Not a digit of a fraction or exponent, and not the start or middle of a text. */
const BEFORE_INT = /^[\s,:[-]?$/;
/** The int -0 is 0 in Python, and no float. */
const MINUS_ZERO = /(?:^|[\s,:[])-0(?![.\deE])/;
const ESCAPED_UNDERSCORE = /\\u005[fF]/;

const hasFloat = (text: string): boolean => POINT_OR_EXPONENT.test(text) && FLOAT.test(text);

const POINT_OR_EXPONENT = /\d[.eE]/;
const FLOAT = /(?:^|[\s,:[])-?\d+[.eE]/;

function nestsTooDeep(text: string): boolean {
  if (text.length <= 2 * MAX_DEPTH || brackets(text, "[") + brackets(text, "{") <= MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) {
      at = endOfString(text, at + 1);
      if (at < 0) return false;
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return false;
}

/** How often the bracket occurs, strings included; it stops counting when it is too often anyway. */
function brackets(text: string, bracket: string): number {
  let count = 0;
  for (let at = text.indexOf(bracket); at >= 0 && count <= MAX_DEPTH; at = text.indexOf(bracket, at + 1)) count++;
  return count;
}

/** Index of the quote that closes the string whose content starts at `from`, or -1. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (at - slashes > from && text.charCodeAt(at - slashes - 1) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

const INT = /-?(?:0|[1-9]\d*)(?![.\deE])/y;
const FLOATING = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null|-?Infinity|NaN/y;
const WORDS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  null: null,
  NaN: NaN,
  Infinity: Infinity,
  "-Infinity": -Infinity,
};
const MAX_INT_DIGITS = 4300;

class JsonParser {
  #at = 0;
  constructor(
    readonly text: string,
    readonly keepFloats: boolean,
    readonly typed: boolean,
  ) {}

  document(): unknown {
    const value = this.#value(0);
    if (this.#peek() !== "") throw this.#error("the end");
    return value;
  }

  #error(expected: string): DecodeError {
    const where = this.#at >= this.text.length ? "the text ends" : `unexpected character`;
    return new DecodeError(`not JSON: ${where} at index ${this.#at}, where ${expected} was expected`);
  }

  /** Skips white space; the next character, or "" at the end. */
  #peek(): string {
    for (; this.#at < this.text.length; this.#at++) {
      const unit = this.text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return this.text[this.#at] ?? "";
    }
    return "";
  }

  #value(depth: number): unknown {
    const next = this.#peek();
    if (next === '"') return this.#string();
    if (next === "[" || next === "{") {
      if (depth >= MAX_DEPTH)
        throw new DecodeError(`JSON is nested deeper than ${MAX_DEPTH} levels at index ${this.#at}`);
      return next === "[" ? this.#array(depth + 1) : this.#object(depth + 1);
    }
    return this.#scalar();
  }

  /** The text that the sticky expression matches here, taken; undefined when it does not match. */
  #taken(expression: RegExp): string | undefined {
    const start = this.#at;
    expression.lastIndex = start;
    if (!expression.test(this.text)) return undefined;
    this.#at = expression.lastIndex;
    return this.text.slice(start, this.#at);
  }

  #scalar(): unknown {
    const digits = this.#taken(INT);
    if (digits !== undefined) return this.#int(digits);
    const word = this.#taken(WORD);
    if (word !== undefined) return WORDS[word];
    const float = this.#taken(FLOATING);
    if (float === undefined) throw this.#error("a value");
    return readFloat(Number(float), this.keepFloats);
  }

  #int(digits: string): number | bigint {
    if (digits.length > MAX_INT_DIGITS)
      throw new DecodeError(`an integer of more than ${MAX_INT_DIGITS} digits at index ${this.#at - digits.length}`);
    const value = Number(digits);
    return Number.isSafeInteger(value) ? value + 0 : BigInt(digits);
  }

  #string(): string {
    const start = this.#at;
    const end = endOfString(this.text, start + 1);
    if (end < 0) {
      this.#at = this.text.length;
      throw this.#error('a closing "');
    }
    this.#at = end + 1;
    const content = this.text.slice(start + 1, end);
    // eslint-disable-next-line no-control-regex -- exactly the characters that need JSON.parse's judgement
    if (!/[\\\x00-\x1f]/.test(content)) return content;
    try {
      return JSON.parse(this.text.slice(start, end + 1)) as string;
    } catch {
      this.#at = start;
      throw this.#error("a string without raw control characters and unknown escapes");
    }
  }

  #array(depth: number): unknown[] {
    const out: unknown[] = [];
    this.#at++;
    if (this.#peek() === "]") {
      this.#at++;
      return out;
    }
    for (;;) {
      out.push(this.#value(depth));
      const next = this.#peek();
      if (next !== "," && next !== "]") throw this.#error('"," or "]"');
      this.#at++;
      if (next === "]") return out;
    }
  }

  #object(depth: number): unknown {
    const out: Record<string, unknown> = {};
    const start = this.#at++;
    if (this.#peek() === "}") {
      this.#at++;
      return out;
    }
    for (;;) {
      if (this.#peek() !== '"') throw this.#error('a key in "');
      const key = this.#string();
      if (this.#peek() !== ":") throw this.#error('":"');
      this.#at++;
      setOwn(out, key, this.#value(depth));
      const next = this.#peek();
      if (next !== "," && next !== "}") throw this.#error('"," or "}"');
      this.#at++;
      if (next === "}") return this.typed ? reviveTyped(out, start) : out;
    }
  }
}
