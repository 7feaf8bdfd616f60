import { DecodeError } from "../errors.js";
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from "./values.js";

/**
 * kombu's typed objects (kombu/utils/json.py, from 5.3 on): an object with exactly the members `__type__` and
 * `__value__` stands for a Python value; with any other member it is an ordinary object.
 *
 * @throws DecodeError for a marker that is not known, or a value that does not fit its marker.
 */
export function reviveTyped(object: Record<string, unknown>, index: number): unknown {
  if (!("__type__" in object) || !("__value__" in object) || Object.keys(object).length !== 2) return object;
  const { __type__: marker, __value__: value } = object;
  const revive = typeof marker === "string" && Object.hasOwn(REVIVERS, marker) ? REVIVERS[marker] : undefined;
  if (!revive)
    throw new DecodeError(
      `unknown __type__ ${JSON.stringify(marker)?.slice(0, 64)} at index ${index}; known: ${Object.keys(REVIVERS).join(", ")}`,
    );
  try {
    return revive(value);
  } catch (cause) {
    throw new DecodeError(
      `the __value__ at index ${index} does not fit its __type__ "${String(marker)}": ${(cause as Error).message}`,
      { cause },
    );
  }
}

type Reviver = (value: unknown) => unknown;

const REVIVERS: Readonly<Record<string, Reviver>> = {
  datetime: (value) => new DateTime(string(value)),
  // Python reads a whole datetime here and takes its date.
  date: (value) => new PlainDate(string(value).slice(0, 10)),
  time: (value) => new PlainTime(string(value)),
  decimal: (value) => new Decimal(string(value)),
  uuid: (value) => new Uuid(string((value as { hex?: unknown } | null)?.hex)),
  bytes: (value) => utf8(string(value)),
  base64: (value) => new Uint8Array(Buffer.from(string(value), "base64")),
};

function string(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(`a string was expected, not ${value === null ? "null" : typeof value}`);
}

function utf8(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError("a lone surrogate has no UTF-8 form");
  return new Uint8Array(Buffer.from(text, "utf8"));
}
