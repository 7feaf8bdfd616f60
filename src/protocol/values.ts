import { EncodeError } from "../errors.js";
import { dateText, epochOf, parseIso, parseTime, timeText, type IsoParts } from "./iso.js";
import { isInt } from "./python-number.js";

/**
 * Python values that JavaScript has no literal for. Each keeps the exact text or number that travelled, so that what
 * was received is sent on without loss. Treat them as immutable. Every serializer that can carry them in Python does
 * so here too; `JSON.stringify` writes their text.
 */

/** Python's float where the number is integral: `new Float(1)` travels as `1.0`, a plain `1` as the int `1`. */
export class Float extends Number {}

/** A float that was read: where a plain number would be written as an int again, "keep" needs a `Float`. */
export const readFloat = (value: number, keep: boolean): number | Float =>
  keep && isInt(value) ? new Float(value) : value;

const shown = (value: string): string => JSON.stringify(value.slice(0, 64));

/** Python's `decimal.Decimal`: the exact digits as text. */
export class Decimal {
  /** @throws EncodeError when the text is no decimal number. */
  constructor(readonly value: string) {
    if (!/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i.test(value))
      throw new EncodeError(`not a decimal number: ${shown(value)}; expected digits such as "1.10"`);
  }
  toString(): string {
    return this.value;
  }
  toJSON(): string {
    return this.value;
  }
}

/** Python's `datetime.date`, as `YYYY-MM-DD`. */
export class PlainDate {
  /** @throws EncodeError when the text is no date between the years 1 and 9999. */
  constructor(readonly value: string) {
    if (value.length !== 10 || !parseIso(value))
      throw new EncodeError(`not a date: ${shown(value)}; expected "YYYY-MM-DD"`);
  }
  toString(): string {
    return this.value;
  }
  toJSON(): string {
    return this.value;
  }
}

/** Python's `datetime.time`, as `HH:MM[:SS[.ffffff]][+HH:MM]`. */
export class PlainTime {
  /** @throws EncodeError when the text is no time of day. */
  constructor(readonly value: string) {
    if (!parseTime(value)) throw new EncodeError(`not a time: ${shown(value)}; expected "HH:MM:SS"`);
  }
  toString(): string {
    return this.value;
  }
  toJSON(): string {
    return this.value;
  }
}

/** Python's `uuid.UUID`, in its dashed lower-case form. */
export class Uuid {
  readonly value: string;
  /** @throws EncodeError when the text, dashes aside, is not 32 hexadecimal digits. */
  constructor(value: string) {
    const hex = value.replaceAll("-", "").toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(hex))
      throw new EncodeError(`not a UUID: ${shown(value)}; expected 32 hexadecimal digits`);
    this.value = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  get hex(): string {
    return this.value.replaceAll("-", "");
  }
  toString(): string {
    return this.value;
  }
  toJSON(): string {
    return this.value;
  }
}

/**
 * Python's `datetime.datetime`: a `Date` that remembers the text it came from, with its microseconds and offset.
 * A text without offset (a naive datetime) is read as UTC.
 */
export class DateTime extends Date {
  /** The exact ISO text. */
  readonly iso: string;
  /** 0 to 999999: the fraction of the second that a `Date` cannot hold completely. */
  readonly microsecond: number;
  /** Seconds east of UTC, or null for a naive datetime. */
  readonly offset: number | null;
  /** @throws EncodeError when the text is no ISO 8601 datetime between the years 1 and 9999. */
  constructor(iso: string) {
    const parts = parseIso(iso);
    if (!parts)
      throw new EncodeError(`not a datetime: ${shown(iso)}; expected ISO 8601 such as "2026-01-02T03:04:05+00:00"`);
    super(epochOf(parts));
    this.iso = iso;
    this.microsecond = parts.microsecond;
    this.offset = parts.offset;
  }
}

/**
 * The parts that Python's `datetime` of this moment has: those of its text for a `DateTime`, UTC for a plain `Date`.
 * @throws EncodeError for an invalid date and for years that Python cannot hold.
 */
export function dateParts(value: Date): IsoParts {
  if (value instanceof DateTime) {
    const parts = parseIso(value.iso);
    // A Date can be changed in place; then the moment counts and no longer the text.
    if (parts && epochOf(parts) === value.getTime()) return parts;
  }
  const parts = Number.isNaN(value.getTime()) ? null : parseIso(value.toISOString());
  if (parts) return parts;
  throw new EncodeError(
    `${Number.isNaN(value.getTime()) ? "an invalid Date" : value.toISOString()} is no Python datetime: ` +
      "only the years 1 to 9999 can be written",
  );
}

/** Python's `datetime.isoformat()`: `2026-01-02T03:04:05.678000+00:00`, readable by every `fromisoformat`. */
export function pythonIso(value: Date): string {
  const parts = dateParts(value);
  return `${dateText(parts)}T${timeText(parts)}`;
}
