import { EncodeError } from "../../errors.js";
import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "../../protocol/values.js";
import { MAX_DEPTH } from "./decode-table.js";

/**
 * Header values for amqplib, spelled so that every py-amqp reads what was meant. amqplib by itself picks the smallest
 * tag for an integer, and py-amqp up to 5.3.1 takes `s` for a string and `l` for unsigned, every version `b` for
 * unsigned: so integers are forced to `I` (32 bits) or, above, to `l` (64 bits). Python's own `L` cannot be asked of
 * amqplib, hence a negative number below -2^31 goes as a double, which Python compares as equal.
 */
type Typed = { readonly "!": string; readonly value: unknown };

const typed = (type: string, value: unknown): Typed => ({ "!": type, value });

/** The integers that fill headers: retries, group indexes, clocks of small systems. */
const SMALL: readonly Typed[] = Array.from({ length: 256 }, (_, value) => Object.freeze(typed("int", value)));

/**
 * The table as amqplib is to be given it. Absent (undefined) values are left out.
 *
 * @throws EncodeError for values that no field table can hold
 */
export function encodeTable(table: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return encodeFields(table, 0);
}

function encodeFields(table: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(table)) {
    const value = table[key];
    // The frequent kinds first: this loop runs some twenty times per published message.
    const known = typeof value === "string" || value === null;
    if (value === undefined) continue;
    const encoded = known ? value : encodeValue(value, depth);
    if (key === "__proto__") Object.defineProperty(fields, key, { value: encoded, enumerable: true });
    else fields[key] = encoded;
  }
  return fields;
}

function encodeValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "number":
      return encodeNumber(value);
    case "bigint":
      if (BigInt.asIntN(64, value) !== value)
        throw new EncodeError(
          `the header value ${value} is beyond the 64 bits of an AMQP integer; send it as a string`,
        );
      return Number.isSafeInteger(Number(value)) ? encodeNumber(Number(value)) : typed("int64", value);
    case "string":
    case "boolean":
      return value;
    case "undefined":
      return null;
    case "object":
      return value === null ? null : encodeObject(value, depth);
    default:
      throw new EncodeError(`a ${typeof value} cannot be a header value; use strings, numbers, lists, objects`);
  }
}

function encodeNumber(value: number): unknown {
  if (!Number.isInteger(value) || value < -0x80000000) return typed("double", value);
  if (value >= 0 && value < 256) return SMALL[value];
  if (value <= 0x7fffffff) return typed("int", value);
  return value < 2 ** 63 ? typed("int64", value) : typed("double", value);
}

function encodeObject(value: object, depth: number): unknown {
  if (depth >= MAX_DEPTH)
    throw new EncodeError(`headers are nested deeper than the limit of ${MAX_DEPTH} (or contain themselves)`);
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, depth + 1));
  if (value instanceof Uint8Array)
    return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Date) return encodeDate(value);
  if (value instanceof Float) return typed("double", Number(value));
  if (value instanceof Decimal) return encodeDecimal(value);
  if (value instanceof Uuid || value instanceof PlainDate || value instanceof PlainTime) return String(value);
  const table = value instanceof Map ? (Object.fromEntries(value) as object) : value;
  const fields = encodeFields(table as Record<string, unknown>, depth + 1);
  // amqplib would take an own "!" for its type notation; an inherited one it takes for a key.
  return Object.hasOwn(fields, "!") ? (Object.create(fields) as unknown) : fields;
}

/** AMQP knows whole seconds only; a `DateTime` keeps its exact text, as Celery's own headers do. */
function encodeDate(value: Date): unknown {
  if (value instanceof DateTime) return value.iso;
  const seconds = Math.floor(value.getTime() / 1000);
  if (!(seconds >= 0))
    throw new EncodeError("an AMQP timestamp cannot be invalid or before 1970; send the date as an ISO string");
  return typed("timestamp", seconds);
}

function encodeDecimal(value: Decimal): unknown {
  const match = /^([+-]?)(\d*)\.?(\d*)$/.exec(value.value);
  const places = match?.[3]?.length ?? 0;
  const digits = match ? Number(`${match[1] ?? ""}${match[2] ?? ""}${match[3] ?? ""}`) : NaN;
  if (!(Math.abs(digits) <= 0x7fffffff) || places > 255)
    throw new EncodeError(
      `the decimal ${value.value.slice(0, 64)} does not fit a header (at most 2147483647 in digits); send it as a string`,
    );
  // amqplib writes it unsigned; py-amqp reads the same bits signed.
  return typed("decimal", { places, digits: digits >>> 0 });
}
