import { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "../../src/protocol/values.js";

/** The notation of client.py, as our values: what JSON cannot tell apart travels as `{"$": type, "v": text}`. */
type Tagged = { readonly $: string; readonly v: unknown };

const isTagged = (value: object): value is Tagged =>
  Object.keys(value).length === 2 && "$" in value && "v" in value && typeof value.$ === "string";

/** An exception as Python's caller sees it. */
export interface PythonException {
  readonly type: string;
  readonly module: string;
  readonly bases: readonly string[];
  readonly message: string;
  readonly args: readonly unknown[];
}

export function fromPython(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPython);
  if (typeof value !== "object" || value === null) return value;
  if (!isTagged(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fromPython(one)]));
  if (value.$ === "exception" || value.$ === "other") return value;
  const read = readers[value.$];
  if (!read) throw new Error(`client.py sent an unknown type: ${value.$}`);
  return read(String(value.v));
}

const readers: Record<string, (text: string) => unknown> = {
  int: (text) => BigInt(text),
  float: (text) => ({ nan: NaN, inf: Infinity, "-inf": -Infinity })[text] ?? new Float(Number(text)),
  bytes: (text) => new Uint8Array(Buffer.from(text, "base64")),
  datetime: (text) => new DateTime(text),
  date: (text) => new PlainDate(text),
  time: (text) => new PlainTime(text),
  decimal: (text) => new Decimal(text),
  uuid: (text) => new Uuid(text),
};

export function toPython(value: unknown): unknown {
  if (typeof value === "bigint") return { $: "int", v: value.toString() };
  if (typeof value === "number")
    return Number.isFinite(value) ? value : { $: "float", v: String(value).replace("Infinity", "inf") };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Float) return { $: "float", v: String(value) };
  if (value instanceof Uint8Array) return { $: "bytes", v: Buffer.from(value).toString("base64") };
  if (value instanceof DateTime) return { $: "datetime", v: value.iso };
  if (value instanceof Date) return { $: "datetime", v: value.toISOString().replace("Z", "+00:00") };
  if (value instanceof PlainDate) return { $: "date", v: value.value };
  if (value instanceof PlainTime) return { $: "time", v: value.value };
  if (value instanceof Decimal) return { $: "decimal", v: value.value };
  if (value instanceof Uuid) return { $: "uuid", v: value.value };
  if (Array.isArray(value)) return value.map(toPython);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toPython(one)]));
}
