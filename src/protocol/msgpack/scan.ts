import { DecodeError } from "../../errors.js";
import { MAX_DEPTH } from "../refusal.js";
import { bufferOf, decodeUtf8 } from "../utf8.js";
import { readFloat, type DateTime } from "../values.js";
import { timestamp } from "./timestamp.js";

/** MessagePack that is known to be well-formed. */
export interface Scanned {
  readonly bytes: Buffer;
  /**
   * What msgpackr would not give as it is: in `bytes` a bin of the same size is in its place, and its value is here,
   * under the index where the bin's content starts.
   */
  readonly masked: ReadonlyMap<number, unknown>;
}

/**
 * Looks at every tag and length before anything is made of them: msgpackr takes more than MessagePack, and believes
 * some lengths.
 *
 * @throws DecodeError for anything malformed, truncated or with bytes left over, extensions other than the timestamp,
 * text that is not UTF-8, more than 1000 levels.
 */
export function scanMsgpack(bytes: Uint8Array, keepFloats: boolean): Scanned {
  const scan = new Scan(bufferOf(bytes), keepFloats);
  scan.value(0);
  scan.end();
  return scan;
}

/** How many bytes tell a length: by the low bits of the tag. */
const SIZES = [1, 2, 4] as const;

class Scan implements Scanned {
  readonly masked = new Map<number, unknown>();
  #at = 0;
  #copied = false;

  constructor(
    public bytes: Buffer,
    readonly keepFloats: boolean,
  ) {}

  end(): void {
    const left = this.bytes.length - this.#at;
    if (left > 0) throw new DecodeError(`not msgpack: ${left} bytes follow the value`);
  }

  value(depth: number): void {
    const start = this.#at;
    const tag = this.#length(1);
    if (tag < 0x80 || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return;
    if (tag < 0x90) this.#elements((tag & 15) * 2, depth);
    else if (tag < 0xa0) this.#elements(tag & 15, depth);
    else if (tag < 0xc0) this.#text(start, tag & 31);
    else if (tag === 0xc1) throw new DecodeError(`not msgpack: unknown tag 0xc1 at ${start}`);
    else if (tag < 0xc7) this.#take(this.#length(SIZES[tag - 0xc4]));
    else if (tag < 0xca) this.#extension(start, this.#length(SIZES[tag - 0xc7]));
    else if (tag < 0xcc) this.#float(start, tag === 0xca ? 4 : 8);
    else if (tag < 0xd4) this.#take(1 << (tag & 3));
    else if (tag < 0xd9) this.#extension(start, 1 << (tag - 0xd4));
    else if (tag < 0xdc) this.#text(start, this.#length(SIZES[tag - 0xd9]));
    else this.#elements(this.#length(tag & 1 ? 4 : 2) * (tag < 0xde ? 1 : 2), depth);
  }

  /** Passes so many bytes: the index where they start. */
  #take(size: number): number {
    const at = this.#at;
    if (size > this.bytes.length - at) throw new DecodeError(`not msgpack: the bytes end inside a value at ${at}`);
    this.#at = at + size;
    return at;
  }

  #length(size: 1 | 2 | 4 = 1): number {
    return this.bytes.readUIntBE(this.#take(size), size);
  }

  /** Every element takes at least a byte: a count beyond the rest is refused at once. */
  #elements(count: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new DecodeError(`msgpack is nested deeper than ${MAX_DEPTH} levels at ${this.#at}`);
    if (count > this.bytes.length - this.#at)
      throw new DecodeError(`not msgpack: ${count} elements are declared at ${this.#at}, more than there are bytes`);
    for (let i = 0; i < count; i++) this.value(depth + 1);
  }

  #text(start: number, size: number): void {
    const at = this.#take(size);
    const text = decodeUtf8(this.bytes.subarray(at, at + size), `msgpack text at ${at}`);
    // msgpackr drops the byte order mark of a long text.
    if (text.startsWith("\ufeff")) this.#mask(start, text);
  }

  #float(start: number, size: 4 | 8): void {
    const at = this.#take(size);
    if (!this.keepFloats) return;
    const value = readFloat(size === 4 ? this.bytes.readFloatBE(at) : this.bytes.readDoubleBE(at), true);
    if (typeof value === "object") this.#mask(start, value);
  }

  #extension(start: number, size: number): void {
    const type = this.bytes.readInt8(this.#take(1));
    const at = this.#take(size);
    const moment: DateTime | null = type === -1 ? timestamp(this.bytes.subarray(at, at + size)) : null;
    if (!moment) throw new DecodeError(`msgpack extension type ${type} at ${start} is not supported`);
    this.#mask(start, moment);
  }

  /** Makes what was just passed a bin, in a copy: the caller's bytes stay as they are. */
  #mask(start: number, value: unknown): void {
    if (!this.#copied) this.bytes = Buffer.from(this.bytes);
    this.#copied = true;
    const size = this.#at - start;
    const width = size < 0x102 ? 1 : size < 0x10003 ? 2 : 4;
    this.bytes[start] = 0xc4 + (width >> 1);
    this.bytes.writeUIntBE(size - 1 - width, start + 1, width);
    this.masked.set(start + 1 + width, value);
  }
}
