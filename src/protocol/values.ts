import { EncodeError } from "../errors.js";
/**
 * Python values that JavaScript has no literal for. Each keeps the exact text or number that travelled, so that what
 * was received is sent on without loss.
 */

/** Python's float where the number is integral: `new Float(1)` travels as `1.0`, a plain `1` as the int `1`. */
export class Float extends Number {}

/** Python's `decimal.Decimal`: the exact digits as text. */
export class Decimal {
  constructor(readonly value: string) {
    if (!/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i.test(value))
      throw new EncodeError(
        `not a decimal number: ${JSON.stringify(value.slice(0, 64))}; expected digits such as "1.10"`,
      );
  }
  toString(): string {
    return this.value;
  }
}

/** Python's `datetime.date`, as `YYYY-MM-DD`. */
export class PlainDate {
  constructor(readonly value: string) {
    if (!/^\d{4}-\d\d-\d\d$/.test(value))
      throw new EncodeError(`not a date: ${JSON.stringify(value.slice(0, 64))}; expected "YYYY-MM-DD"`);
  }
  toString(): string {
    return this.value;
  }
}

/** Python's `datetime.time`, as `HH:MM:SS[.ffffff][+HH:MM]`. */
export class PlainTime {
  constructor(readonly value: string) {
    if (!/^\d\d:\d\d(:\d\d(\.\d{1,6})?)?([+-]\d\d:\d\d(:\d\d(\.\d{1,6})?)?|Z)?$/.test(value))
      throw new EncodeError(`not a time: ${JSON.stringify(value.slice(0, 64))}; expected "HH:MM:SS"`);
  }
  toString(): string {
    return this.value;
  }
}

/** Python's `uuid.UUID`, in its dashed lower-case form. */
export class Uuid {
  readonly value: string;
  constructor(value: string) {
    const hex = value.replaceAll("-", "").toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(hex))
      throw new EncodeError(`not a UUID: ${JSON.stringify(value.slice(0, 64))}; expected 32 hexadecimal digits`);
    this.value = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  get hex(): string {
    return this.value.replaceAll("-", "");
  }
  toString(): string {
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
  constructor(iso: string) {
    const match =
      /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?(?::\d\d(?:\.\d+)?)?$/i.exec(
        iso,
      );
    const text =
      match &&
      `${match[1]}T${match[2] ?? "00:00"}.`.replace(/T(\d\d:\d\d)\./, "T$1:00.") +
        (match[3] ?? "").padEnd(3, "0").slice(0, 3) +
        (match[4]?.toUpperCase() ?? "Z").replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
    super(text ?? NaN);
    if (Number.isNaN(this.getTime()))
      throw new EncodeError(
        `not a datetime: ${JSON.stringify(iso.slice(0, 64))}; expected ISO 8601 such as "2026-01-02T03:04:05+00:00"`,
      );
    this.iso = iso;
  }
}
