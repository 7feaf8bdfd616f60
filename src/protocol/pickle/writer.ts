import { types } from "node:util";
import { ByteWriter } from "../byte-writer.js";
import { parseIso, parseTime, type IsoParts } from "../iso.js";
import { isInt } from "../python-number.js";
import { isPlain, jsonView, MAX_DEPTH, notData, Refusal, tooDeep } from "../refusal.js";
import { dateParts, Decimal, Float, PlainDate, PlainTime, Uuid } from "../values.js";
import { encodeSurrogatePass } from "./old-text.js";
import { Op } from "./opcodes.js";
import { PyObject } from "./py-object.js";

export interface PickleWriteOptions {
  /**
   * Whether `PyObject`s are written. A Python reader imports and calls what they name, so they are refused unless the
   * program says that it made them itself. Default false.
   */
  readonly objects?: boolean | undefined;
}

/**
 * Writes a pickle of protocol 4 that every Python 3 reads: without frames and without memo, as neither is needed.
 * Safe integers and `bigint` are ints, other numbers and `Float` floats, arrays lists, objects and `Map` dicts, `Set`
 * sets, `Uint8Array` bytes, `Date` and `DateTime` datetimes (a plain `Date` in UTC), the rest of `values.ts` its type.
 *
 * @throws EncodeError naming the path of what has no such form.
 */
export function writePickle(value: unknown, options: PickleWriteOptions = {}): Uint8Array {
  const writer = new PickleWriter(options.objects ?? false);
  try {
    return writer.document(value);
  } catch (error) {
    throw Refusal.toEncodeError(error, "pickle");
  }
}

class PickleWriter {
  readonly #out = new ByteWriter();
  constructor(readonly objects: boolean) {}

  document(value: unknown): Uint8Array {
    this.#out.tagged(Op.PROTO, 4, 1);
    this.#write(value, 0);
    this.#out.u8(Op.STOP);
    return this.#out.finish();
  }

  #write(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return isInt(value) ? this.#int(value) : this.#float(value);
      case "boolean":
        return this.#out.u8(value ? Op.NEWTRUE : Op.NEWFALSE);
      case "bigint":
        return this.#bigint(value);
      case "undefined":
        return this.#out.u8(Op.NONE);
      case "object":
        return value === null ? this.#out.u8(Op.NONE) : this.#object(value, depth);
      default:
        throw notData(value);
    }
  }

  #text(value: string): void {
    const size = Buffer.byteLength(value, "utf8");
    if (size !== value.length) {
      const bytes = encodeSurrogatePass(value);
      this.#sized(Op.SHORT_BINUNICODE, Op.BINUNICODE, bytes.length);
      return this.#out.bytes(bytes);
    }
    this.#sized(Op.SHORT_BINUNICODE, Op.BINUNICODE, size);
    return this.#out.utf8(value, size);
  }

  #bytes(value: Uint8Array): void {
    this.#sized(Op.SHORT_BINBYTES, Op.BINBYTES, value.length);
    this.#out.bytes(value);
  }

  /** JavaScript has no text or buffer beyond four bytes of length that would fit in memory here. */
  #sized(short: number, long: number, size: number): void {
    if (size < 0x100) this.#out.tagged(short, size, 1);
    else if (size <= 0xffffffff) this.#out.tagged(long, size, 4);
    else throw new Refusal("it is longer than 4 GiB");
  }

  #int(value: number): void {
    if (value >= 0 && value < 0x100) this.#out.tagged(Op.BININT1, value, 1);
    else if (value >= 0 && value < 0x10000) this.#out.tagged(Op.BININT2, value, 2);
    else if (value >= -0x80000000 && value < 0x80000000) this.#out.tagged(Op.BININT, value, 4);
    else this.#bigint(BigInt(value));
  }

  #bigint(value: bigint): void {
    if (value >= -0x80000000n && value < 0x80000000n) return this.#int(Number(value));
    // Two's complement with room for the sign bit.
    const bits = (value < 0n ? ~value : value).toString(2).length + 1;
    const size = Math.ceil(bits / 8);
    const hex = BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, "0");
    this.#out.tagged(size < 0x100 ? Op.LONG1 : Op.LONG4, size, size < 0x100 ? 1 : 4);
    this.#out.bytes(Buffer.from(hex, "hex").reverse());
  }

  #float(value: number): void {
    this.#out.u8(Op.BINFLOAT);
    this.#out.f64be(value);
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_DEPTH) throw tooDeep();
    if (Array.isArray(value)) return this.#list(value, depth);
    if (isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function")
      return this.#members(value as Record<string, unknown>, depth);
    if (types.isUint8Array(value)) return this.#bytes(value);
    if (types.isDate(value)) return this.#datetime(dateParts(value));
    if (types.isMap(value)) return this.#dict(value, [...value], depth);
    if (types.isSet(value)) return this.#set(value, depth);
    if (value instanceof PyObject) return this.#pyObject(value, depth);
    return this.#special(value, depth);
  }

  #special(value: object, depth: number): void {
    if (value instanceof Float) return this.#float(value.valueOf());
    if (value instanceof Decimal) return this.#call("decimal", "Decimal", () => this.#text(value.value));
    if (value instanceof PlainDate) return this.#date(value);
    if (value instanceof PlainTime) return this.#time(value);
    if (value instanceof Uuid) return this.#uuid(value);
    const view = jsonView(value);
    if (view === value) return this.#members(value as Record<string, unknown>, depth);
    return this.#write(view, depth + 1);
  }

  #list(value: readonly unknown[], depth: number): void {
    this.#out.u8(Op.EMPTY_LIST);
    if (value.length === 0) return;
    this.#out.u8(Op.MARK);
    let index = 0;
    try {
      for (; index < value.length; index++) this.#write(value[index], depth + 1);
    } catch (error) {
      throw Refusal.within(error, value, index);
    }
    this.#out.u8(Op.APPENDS);
  }

  #set(value: ReadonlySet<unknown>, depth: number): void {
    this.#out.u8(Op.EMPTY_SET);
    if (value.size === 0) return;
    this.#out.u8(Op.MARK);
    for (const member of value) this.#hashable(member, depth + 1);
    this.#out.u8(Op.ADDITEMS);
  }

  /** What stands as a key or in a set must be hashable in Python: arrays are tuples there, sets frozen ones. */
  #hashable(value: unknown, depth: number): void {
    if (typeof value !== "object" || value === null) return this.#write(value, depth);
    if (isPlain(value) || types.isMap(value)) throw new Refusal("a dict cannot be a key or in a set");
    if (!Array.isArray(value) && !types.isSet(value)) return this.#write(value, depth);
    if (depth >= MAX_DEPTH) throw tooDeep();
    this.#out.u8(Op.MARK);
    for (const member of value as Iterable<unknown>) this.#hashable(member, depth + 1);
    this.#out.u8(Array.isArray(value) ? Op.TUPLE : Op.FROZENSET);
  }

  #members(value: Record<string, unknown>, depth: number): void {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    this.#dict(value, entries, depth);
  }

  #dict(container: object, entries: readonly (readonly [unknown, unknown])[], depth: number): void {
    this.#out.u8(Op.EMPTY_DICT);
    if (entries.length === 0) return;
    this.#out.u8(Op.MARK);
    for (const [key, member] of entries) {
      try {
        this.#hashable(key, depth + 1);
        this.#write(member, depth + 1);
      } catch (error) {
        throw Refusal.within(error, container, key);
      }
    }
    this.#out.u8(Op.SETITEMS);
  }

  #global(module: string, name: string): void {
    this.#text(module);
    this.#text(name);
    this.#out.u8(Op.STACK_GLOBAL);
  }

  /** `module.name(...)`, each argument written by one function. */
  #call(module: string, name: string, ...args: readonly (() => void)[]): void {
    this.#global(module, name);
    this.#out.u8(Op.MARK);
    for (const arg of args) arg();
    this.#out.u8(Op.TUPLE);
    this.#out.u8(Op.REDUCE);
  }

  #datetime(parts: IsoParts): void {
    const raw = Buffer.from([...dateBytes(parts), ...clockBytes(parts)]);
    this.#call("datetime", "datetime", () => this.#bytes(raw), ...this.#zone(parts.offset));
  }

  #date(value: PlainDate): void {
    const parts = parseIso(value.value);
    if (!parts) throw notData(value);
    this.#call("datetime", "date", () => this.#bytes(Buffer.from(dateBytes(parts))));
  }

  #time(value: PlainTime): void {
    const parts = parseTime(value.value);
    if (!parts) throw notData(value);
    this.#call("datetime", "time", () => this.#bytes(Buffer.from(clockBytes(parts))), ...this.#zone(parts.offset));
  }

  #zone(offset: number | null): (() => void)[] {
    if (offset === null) return [];
    const days = Math.floor(offset / 86_400);
    const seconds = Math.floor(offset - days * 86_400);
    const micros = Math.round((offset - Math.floor(offset)) * 1e6);
    const delta = [days, seconds, micros].map((part) => () => this.#int(part));
    return [() => this.#call("datetime", "timezone", () => this.#call("datetime", "timedelta", ...delta))];
  }

  #uuid(value: Uuid): void {
    this.#global("uuid", "UUID");
    this.#out.u8(Op.EMPTY_TUPLE);
    this.#out.u8(Op.NEWOBJ);
    this.#dict(value, [["int", BigInt(`0x${value.hex}`)]], 0);
    this.#out.u8(Op.BUILD);
  }

  #pyObject(value: PyObject, depth: number): void {
    if (!this.objects) throw notData(value, `a reader would run ${value.module}.${value.name}: send its data instead`);
    this.#global(value.module, value.name);
    if (value.args === null) return;
    this.#out.u8(Op.MARK);
    for (const arg of value.args) this.#write(arg, depth + 1);
    this.#out.u8(Op.TUPLE);
    this.#out.u8(Op.REDUCE);
    if (value.state === undefined) return;
    this.#write(value.state, depth + 1);
    this.#out.u8(Op.BUILD);
  }
}

const dateBytes = ({ year, month, day }: IsoParts): number[] => [year >> 8, year & 255, month, day];

const clockBytes = ({ hour, minute, second, microsecond: us }: IsoParts): number[] => [
  hour,
  minute,
  second,
  us >> 16,
  (us >> 8) & 255,
  us & 255,
];
