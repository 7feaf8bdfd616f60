import { DecodeError } from "../../errors.js";
import { asObject } from "../own.js";
import { MAX_DEPTH } from "../refusal.js";
import { bufferOf, decodeUtf8 } from "../utf8.js";
import { DateTime, readFloat } from "../values.js";

/**
 * Reads MessagePack: integers beyond 2^53-1 as `bigint`, bin as `Uint8Array`, a map as an object, or as a `Map` when
 * not all of its keys are text; the timestamp extension as `DateTime`.
 *
 * @throws DecodeError for anything malformed, truncated or with bytes left over, other extensions, text that is not
 * UTF-8, more than 1000 levels. A declared length is believed only as far as there are bytes.
 */
export function readMsgpack(bytes: Uint8Array, options?: { readonly floats?: "keep" | undefined }): unknown {
  const reader = new Reader(bufferOf(bytes), options?.floats === "keep");
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  #at = 0;
  constructor(
    readonly buffer: Buffer,
    readonly keepFloats: boolean,
  ) {}

  end(): void {
    if (this.#at !== this.buffer.length)
      throw new DecodeError(`not msgpack: ${this.buffer.length - this.#at} bytes follow the value`);
  }

  /** Takes so many bytes: the index where they start. */
  #take(size: number): number {
    const at = this.#at;
    if (size > this.buffer.length - at) throw new DecodeError(`not msgpack: the bytes end inside a value at ${at}`);
    this.#at = at + size;
    return at;
  }

  #uint(size: 1 | 2 | 4): number {
    return this.buffer.readUIntBE(this.#take(size), size);
  }

  value(depth: number): unknown {
    const tag = this.#uint(1);
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag < 0x90) return this.#map(tag & 15, depth);
    if (tag < 0xa0) return this.#array(tag & 15, depth);
    if (tag < 0xc0) return this.#text(tag & 31);
    return this.#tagged(tag, depth);
  }

  #tagged(tag: number, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bytes(this.#uint(SIZES[tag - 0xc4] ?? 1));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(SIZES[tag - 0xc7] ?? 1));
      case 0xca:
        return this.#float(this.buffer.readFloatBE(this.#take(4)));
      case 0xcb:
        return this.#float(this.buffer.readDoubleBE(this.#take(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(SIZES[tag - 0xcc] ?? 1);
      case 0xcf:
        return safe(this.buffer.readBigUInt64BE(this.#take(8)));
      case 0xd0:
        return this.buffer.readInt8(this.#take(1));
      case 0xd1:
        return this.buffer.readInt16BE(this.#take(2));
      case 0xd2:
        return this.buffer.readInt32BE(this.#take(4));
      case 0xd3:
        return safe(this.buffer.readBigInt64BE(this.#take(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (tag - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(SIZES[tag - 0xd9] ?? 1));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(tag === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(tag === 0xde ? 2 : 4), depth);
      default:
        throw new DecodeError(`not msgpack: unknown tag 0x${tag.toString(16)} at ${this.#at - 1}`);
    }
  }

  #float(value: number): unknown {
    return readFloat(value, this.keepFloats);
  }

  #bytes(size: number): Uint8Array {
    const at = this.#take(size);
    return new Uint8Array(this.buffer.subarray(at, at + size));
  }

  #text(size: number): string {
    const at = this.#take(size);
    return decodeUtf8(this.buffer.subarray(at, at + size), `msgpack text at ${at}`);
  }

  /** Every element takes at least `each` bytes: a count beyond the rest is refused before anything is made. */
  #enter(count: number, each: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new DecodeError(`msgpack is nested deeper than ${MAX_DEPTH} levels at ${this.#at}`);
    if (count * each > this.buffer.length - this.#at)
      throw new DecodeError(`not msgpack: ${count} elements are declared at ${this.#at}, more than there are bytes`);
  }

  #array(count: number, depth: number): unknown[] {
    this.#enter(count, 1, depth);
    const out: unknown[] = [];
    for (let i = 0; i < count; i++) out.push(this.value(depth + 1));
    return out;
  }

  #map(count: number, depth: number): unknown {
    this.#enter(count, 2, depth);
    const entries: [unknown, unknown][] = [];
    for (let i = 0; i < count; i++) entries.push([this.value(depth + 1), this.value(depth + 1)]);
    return asObject(entries) ?? new Map(entries);
  }

  #extension(size: number): DateTime {
    const start = this.#at - 1;
    const type = this.buffer.readInt8(this.#take(1));
    const at = this.#take(size);
    const moment = type === -1 ? timestamp(this.buffer.subarray(at, at + size)) : null;
    if (moment) return moment;
    throw new DecodeError(`msgpack extension type ${type} at ${start} is not supported`);
  }
}

const SIZES = [1, 2, 4] as const;

const safe = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** The timestamp extension's three forms: 32 bits of seconds; 30 bits of nanoseconds and 34 of seconds; 32 and 64. */
function timestamp(data: Buffer): DateTime | null {
  let seconds: number;
  let nanoseconds = 0;
  if (data.length === 4) seconds = data.readUInt32BE();
  else if (data.length === 8) {
    const both = data.readBigUInt64BE();
    nanoseconds = Number(both >> 34n);
    seconds = Number(both & 0x3ffffffffn);
  } else if (data.length === 12) {
    nanoseconds = data.readUInt32BE();
    seconds = Number(data.readBigInt64BE(4));
  } else return null;
  const date = new Date(seconds * 1000);
  if (nanoseconds > 999_999_999 || Number.isNaN(date.getTime()) || !/^(?!0000)\d{4}-/.test(date.toISOString()))
    return null;
  const fraction = String(Math.floor(nanoseconds / 1000)).padStart(6, "0");
  return new DateTime(`${date.toISOString().slice(0, 19)}.${fraction}+00:00`);
}
