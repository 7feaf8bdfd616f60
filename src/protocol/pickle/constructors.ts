import { dateText, timeText, type IsoParts } from "../iso.js";
import { asObject } from "../own.js";
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from "../values.js";
import { PyObject } from "./py-object.js";
import { offsetOf } from "./zones.js";

/**
 * The pure constructors that may make values out of a pickle's objects: standard types whose arguments are data.
 * Whatever is not in this table, or does not fit, stays an inert `PyObject`.
 */
export function construct(object: PyObject): unknown {
  const module = MODULES[object.module] ?? object.module;
  const make = CONSTRUCTORS[`${module}.${object.name}`];
  if (!make || object.args === null) return object;
  try {
    return make(object.args, object) ?? object;
  } catch {
    return object;
  }
}

const table = <T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.assign(Object.create(null) as Record<string, T>, entries);

/** Python 2's names of the modules. */
const MODULES = table({ __builtin__: "builtins", copy_reg: "copyreg" });

type Constructor = (args: readonly unknown[], object: PyObject) => unknown;

const CONSTRUCTORS = table<Constructor>({
  "datetime.datetime": ([raw, zone]) => datetime(raw, zone),
  "datetime.date": ([raw]) => {
    const bytes = bytesOf(raw, 4);
    return bytes && new PlainDate(dateText(parts(bytes, null)));
  },
  "datetime.time": ([raw, zone]) => time(raw, zone),
  "decimal.Decimal": ([text]) => (typeof text === "string" ? new Decimal(text) : undefined),
  "uuid.UUID": (_, { state }) => uuid(state),
  "builtins.set": setOf,
  "builtins.frozenset": setOf,
  "builtins.list": listOf,
  "builtins.tuple": listOf,
  "builtins.bytes": byteString,
  "builtins.bytearray": byteString,
  "_codecs.encode": byteString,
  "collections.OrderedDict": ([pairs], { items }) => dict(Array.isArray(pairs) ? pairs : (items ?? [])),
  "collections.defaultdict": (_, { items }) => dict(items ?? []),
  "collections.Counter": ([counts]) => counts ?? {},
  "collections.deque": ([members], { items }) => [...array(members), ...(items ?? [])],
  "copyreg._reconstructor": reconstruct,
  "zoneinfo.ZoneInfo._unpickle": ([key]) => new PyObject("zoneinfo", "ZoneInfo", [key]),
});

/** Python 2 and protocols below 3 carry bytes as Latin-1 text. */
function bytesOf(value: unknown, size: number): Uint8Array | undefined {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return bytes instanceof Uint8Array && bytes.length === size ? bytes : undefined;
}

const at = (bytes: Uint8Array, index: number): number => bytes[index] as number;

/** year (2, big-endian), month, day[, hour, minute, second, microsecond (3, big-endian)] */
function parts(bytes: Uint8Array, offset: number | null): IsoParts {
  const clock = bytes.length === 10 ? clockOf(bytes.subarray(4)) : { hour: 0, minute: 0, second: 0, microsecond: 0 };
  return { year: at(bytes, 0) * 256 + at(bytes, 1), month: at(bytes, 2) & 0x7f, day: at(bytes, 3), ...clock, offset };
}

function clockOf(bytes: Uint8Array): Omit<IsoParts, "year" | "month" | "day" | "offset"> {
  const microsecond = at(bytes, 3) * 65536 + at(bytes, 4) * 256 + at(bytes, 5);
  return { hour: at(bytes, 0) & 0x7f, minute: at(bytes, 1), second: at(bytes, 2), microsecond };
}

function datetime(raw: unknown, zone: unknown): DateTime | undefined {
  const bytes = bytesOf(raw, 10);
  if (!bytes) return undefined;
  const naive = parts(bytes, null);
  const offset = zone === undefined ? null : offsetOf(zone, naive, at(bytes, 2) > 0x7f);
  return offset === undefined ? undefined : new DateTime(`${dateText(naive)}T${timeText({ ...naive, offset })}`);
}

function time(raw: unknown, zone: unknown): PlainTime | undefined {
  const bytes = bytesOf(raw, 6);
  if (!bytes) return undefined;
  const naive: IsoParts = { year: 1900, month: 1, day: 1, ...clockOf(bytes), offset: null };
  // A named zone has no offset without a date, in Python too.
  const isFixed = zone instanceof PyObject && zone.name === "timezone";
  const offset = zone === undefined ? null : isFixed ? offsetOf(zone, naive, false) : undefined;
  return offset === undefined ? undefined : new PlainTime(timeText({ ...naive, offset }));
}

function uuid(state: unknown): Uuid | undefined {
  const int = (state as { int?: unknown } | null | undefined)?.int;
  return typeof int === "bigint" || typeof int === "number" ? new Uuid(int.toString(16).padStart(32, "0")) : undefined;
}

const array = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

function setOf([members]: readonly unknown[]): unknown {
  return members === undefined ? new Set() : Array.isArray(members) ? new Set(members) : undefined;
}

function listOf([members]: readonly unknown[]): unknown {
  return members === undefined ? [] : Array.isArray(members) ? members : undefined;
}

function byteString([raw]: readonly unknown[]): unknown {
  if (raw === undefined) return new Uint8Array();
  if (typeof raw === "string") return new Uint8Array(Buffer.from(raw, "latin1"));
  if (raw instanceof Uint8Array) return raw;
  return Array.isArray(raw) && raw.every((byte) => typeof byte === "number") ? Uint8Array.from(raw) : undefined;
}

function dict(pairs: readonly unknown[]): unknown {
  const entries = pairs.filter((pair): pair is [unknown, unknown] => Array.isArray(pair) && pair.length === 2);
  if (entries.length !== pairs.length) return undefined;
  return asObject(entries) ?? new Map(entries);
}

/** How protocols 0 and 1 write an instance: (class, base, the base's value), then a state. */
function reconstruct([cls, base, value]: readonly unknown[], { state, items }: PyObject): unknown {
  if (!(cls instanceof PyObject)) return undefined;
  const isObject = base instanceof PyObject && base.name === "object";
  const instance = new PyObject(cls.module, cls.name, isObject ? [] : [value], state);
  instance.items = items;
  return cls.name === "_reconstructor" ? instance : construct(instance);
}
