import { DecodeError } from "../../errors.js";

/** The bytes of a pickle from front to back; every declared length is checked against what is left. */
export class ByteSource {
  at = 0;
  constructor(readonly buffer: Buffer) {}

  fail(what: string): DecodeError {
    return new DecodeError(`not a pickle that can be read: ${what} (before byte ${this.at})`);
  }

  #take(size: number): number {
    const { at } = this;
    if (size > this.buffer.length - at) throw this.fail("it ends too early, or a declared length is too long");
    this.at = at + size;
    return at;
  }

  u8(): number {
    return this.buffer[this.#take(1)] as number;
  }

  uint(size: 2 | 4): number {
    return this.buffer.readUIntLE(this.#take(size), size);
  }

  int32(): number {
    return this.buffer.readInt32LE(this.#take(4));
  }

  float(): number {
    return this.buffer.readDoubleBE(this.#take(8));
  }

  /** An unsigned 64-bit length; anything beyond what is left fails in the read that follows. */
  length64(): number {
    return Number(this.buffer.readBigUInt64LE(this.#take(8)));
  }

  bytes(size: number): Buffer {
    const at = this.#take(size);
    return this.buffer.subarray(at, at + size);
  }

  /** The bytes up to the next newline, as Latin-1, with the newline taken. */
  line(): string {
    const end = this.buffer.indexOf(0x0a, this.at);
    if (end < 0) throw this.fail("a line does not end");
    const text = this.buffer.toString("latin1", this.at, end);
    this.at = end + 1;
    return text.endsWith("\r") ? text.slice(0, -1) : text;
  }

  /** Two's complement, little-endian, of any size (bounded: conversions of huge integers are slow). */
  long(size: number): number | bigint {
    if (size < 0 || size > MAX_LONG_BYTES) throw this.fail(`an integer of ${size} bytes (at most ${MAX_LONG_BYTES})`);
    if (size === 0) return 0;
    const digits = Buffer.from(this.bytes(size)).reverse().toString("hex");
    return narrow(BigInt.asIntN(size * 8, BigInt(`0x${digits}`)));
  }

  /** The digits of an integer in text. */
  digits(text: string): number | bigint {
    if (!/^[+-]?\d{1,4300}$/.test(text)) throw this.fail("a malformed integer");
    return narrow(BigInt(text.replace(/^\+/, "")));
  }
}

const MAX_LONG_BYTES = 65536;

export const narrow = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
