import { isUtf8 } from "node:buffer";
import { types } from "node:util";
import { pyNumber, pyFloat } from "./python-number.js";
import { pythonRepr } from "./python-repr.js";
import { isPlain, jsonView } from "./refusal.js";
import { bufferOf } from "./utf8.js";
import { Float } from "./values.js";

export interface SafereprOptions {
  /** Characters before the rest is cut off; closing brackets still follow. Default 1024, Celery's own. */
  readonly maxLength?: number | undefined;
  /** Writes the outermost array as a tuple, as Celery has it for `args`. */
  readonly tuple?: boolean | undefined;
}

/**
 * The text that Celery (celery/utils/saferepr.py) puts into `argsrepr` and `kwargsrepr` and into events: Python's
 * `repr`, but only `'` is escaped in text, containers below the third level are `[...]`, and the whole is cut at a
 * budget of characters. Made for people and logs, so it never throws: what has no `repr` is shown by its class.
 */
export function saferepr(value: unknown, options?: SafereprOptions): string {
  const writer = new ReprWriter(options?.maxLength ?? 1024);
  if (options?.tuple && Array.isArray(value)) writer.tuple(value);
  else writer.value(value, 0);
  return writer.out;
}

const MAX_LEVELS = 3;

class ReprWriter {
  out = "";
  /** Set when the budget is used up and something was left out: only closing brackets follow. */
  #stopped = false;
  #seen: object[] = [];
  #left: number;

  constructor(readonly maxLength: number) {
    this.#left = maxLength;
  }

  /** Writes a token as long as there is budget; the token that finds none becomes the dots. */
  #token(text: string): void {
    if (this.#stopped) return;
    if (this.#left <= 0) {
      this.#stopped = true;
      this.out += ", ...";
      return;
    }
    this.out += text;
    this.#left -= text.length;
  }

  /** A closing bracket is always written, and costs nothing when the budget is gone. */
  #close(text: string): void {
    this.out += text;
    this.#left -= text.length;
  }

  #cut(text: string): string {
    return text.length >= this.#left && !this.#stopped ? truncate(text, this.#left) : text;
  }

  value(value: unknown, level: number): void {
    if (this.#stopped) return;
    if (typeof value === "string") this.#token(quoted(this.#cut(value)));
    else if (typeof value === "number") this.#token(this.#cut(pyNumber(value)));
    else if (typeof value === "object" && value !== null) this.#whatever(value, level);
    else this.#token(this.#cut(typeof value === "function" ? functionText(value) : simple(value)));
  }

  tuple(value: readonly unknown[]): void {
    this.#sequence("(", value, value, value.length === 1 ? ",)" : ")", 0);
  }

  /** A proxy may throw whatever it is asked. */
  #whatever(value: object, level: number): void {
    const { length } = this.#seen;
    try {
      this.#object(value, level);
    } catch {
      this.#seen.length = length;
      this.#token("<object>");
    }
  }

  #object(value: object, level: number): void {
    if (Array.isArray(value)) return this.#sequence("[", value, value, "]", level);
    if (isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function")
      return this.#dict(value, Object.keys(value), level);
    if (types.isMap(value)) return this.#dict(value, value, level);
    if (types.isSet(value))
      return value.size === 0 ? this.#token("set()") : this.#sequence("{", value, [...value], "}", level);
    if (types.isUint8Array(value)) return this.#token(bytes(value, Math.max(0, this.#left)));
    if (value instanceof Float) return this.#token(this.#cut(pyFloat(value.valueOf())));
    const known = pythonRepr(value);
    if (known !== undefined) return this.#token(this.#cut(known));
    return this.#foreign(value, level);
  }

  /** What JSON would make of the object is what the worker gets, so that is what is shown. */
  #foreign(value: object, level: number): void {
    let view: unknown;
    try {
      view = jsonView(value);
    } catch {
      return this.#token(this.#cut(unrepresentable(value)));
    }
    if (view === value) this.#dict(value, Object.keys(value), level);
    else if (this.#seen.length > 50) this.#token("...");
    else this.#nested(value, () => this.value(view, level));
  }

  #nested(container: object, write: () => void): void {
    if (this.#seen.includes(container)) return this.#token(`<Recursion on ${className(container)}>`);
    this.#seen.push(container);
    write();
    this.#seen.pop();
  }

  #sequence(open: string, container: object, items: readonly unknown[], close: string, level: number): void {
    if (level >= MAX_LEVELS) return this.#token(`${open}...${close}`);
    this.#nested(container, () => {
      this.#token(open);
      if (this.#stopped) return;
      for (let i = 0; i < items.length && !this.#stopped; i++) {
        if (i > 0) this.#token(", ");
        this.value(items[i], level + 1);
      }
      this.#close(close);
    });
  }

  #dict(container: object, keys: readonly string[] | ReadonlyMap<unknown, unknown>, level: number): void {
    if (level >= MAX_LEVELS) return this.#token("{...}");
    this.#nested(container, () => {
      this.#token("{");
      if (this.#stopped) return;
      let isFirst = true;
      for (const [key, member] of entries(container, keys)) {
        if (member === undefined) continue;
        if (this.#stopped) break;
        if (!isFirst) this.#token(", ");
        isFirst = false;
        this.#token(saferepr(key, { maxLength: this.#left > 0 ? this.#left : 1 }));
        this.#token(": ");
        this.value(member, level + 1);
      }
      this.#close("}");
    });
  }
}

function* entries(
  container: object,
  keys: readonly string[] | ReadonlyMap<unknown, unknown>,
): Iterable<readonly [unknown, unknown]> {
  if (!Array.isArray(keys)) yield* keys as ReadonlyMap<unknown, unknown>;
  else for (const key of keys as readonly string[]) yield [key, member(container, key)];
}

/** A getter of a foreign object may throw. */
function member(container: object, key: string): unknown {
  try {
    return (container as Record<string, unknown>)[key];
  } catch {
    return null;
  }
}

const quoted = (text: string): string => (text.includes("'") ? `'${text.replaceAll("'", "\\'")}'` : `'${text}'`);

/** celery.utils.text.truncate: cut, then back to the last space, then dots; never inside a surrogate pair. */
function truncate(text: string, length: number): string {
  if (length <= 0) return text;
  const end = /[\ud800-\udbff]/.test(text[length - 1] ?? "") ? length - 1 : length;
  const cut = text.slice(0, end);
  const space = cut.lastIndexOf(" ");
  return `${space < 0 ? cut : cut.slice(0, space)}...`;
}

function functionText(value: object): string {
  try {
    return `<function ${String((value as { name?: unknown }).name) || "anonymous"}>`;
  } catch {
    return "<function>";
  }
}

function simple(value: unknown): string {
  switch (typeof value) {
    case "boolean":
      return value ? "True" : "False";
    case "bigint":
      return value.toString();
    case "symbol":
      return `<${value.toString()}>`;
    default:
      return "None";
  }
}

/** `b'text'` when it is UTF-8, else hexadecimal digits in the same place. */
function bytes(value: Uint8Array, maxLength: number): string {
  const isLong = value.length > maxLength;
  const buffer = bufferOf(isLong ? value.subarray(0, maxLength) : value);
  return `b'${buffer.toString(isUtf8(buffer) ? "utf8" : "hex")}${isLong ? "..." : ""}'`;
}

const className = (value: object): string => {
  if (Array.isArray(value)) return "list";
  const { constructor } = value as { constructor?: unknown };
  const name = typeof constructor === "function" ? constructor.name : "";
  return name === "Object" || name === "Map" || name === "" ? "dict" : name === "Set" ? "set" : name;
};

function unrepresentable(value: object): string {
  return value instanceof Error ? `${value.name}(${quoted(value.message)})` : `<${className(value)} object>`;
}
