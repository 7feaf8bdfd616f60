import { isUtf8 } from "node:buffer";
import { DecodeError } from "../../errors.js";
import { Decimal } from "../../protocol/values.js";

/** Tables nested deeper than this are refused: they come from an attacker, not from a program. */
export const MAX_DEPTH = 100;

/**
 * Reads a field table (the `length` bytes after its length prefix) in RabbitMQ's dialect plus the tags that py-amqp
 * writes and RabbitMQ forwards as they are. 64-bit integers beyond 2^53 become `bigint`, timestamps `Date`, decimals
 * `Decimal`, byte arrays (and long strings that are not UTF-8) `Buffer`.
 *
 * @throws DecodeError when the bytes are no field table
 */
export function decodeTable(bytes: Buffer, start: number, length: number): Record<string, unknown> {
  const reader = new Reader(bytes, start);
  try {
    return reader.table(start + length, 0);
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause;
    throw new DecodeError(`the header table of a message ends inside a value (at byte ${reader.at - start})`, {
      cause,
    });
  }
}

class Reader {
  constructor(
    private readonly bytes: Buffer,
    public at: number,
  ) {}

  table(end: number, depth: number): Record<string, unknown> {
    this.#check(end, depth);
    const fields: Record<string, unknown> = {};
    while (this.at < end) {
      const length = this.bytes.readUInt8(this.at++);
      const key = this.bytes.toString("utf8", this.at, (this.at += length));
      const value = this.#value(end, depth);
      if (key === "__proto__") Object.defineProperty(fields, key, { value, enumerable: true, configurable: true });
      else fields[key] = value;
    }
    this.#checkEnd(end);
    return fields;
  }

  #array(end: number, depth: number): unknown[] {
    this.#check(end, depth);
    const values: unknown[] = [];
    while (this.at < end) values.push(this.#value(end, depth));
    this.#checkEnd(end);
    return values;
  }

  #check(end: number, depth: number): void {
    if (end > this.bytes.length) throw new DecodeError("a table in the headers of a message is longer than its frame");
    if (depth > MAX_DEPTH)
      throw new DecodeError(`the headers of a message are nested deeper than the limit of ${MAX_DEPTH}`);
  }

  #checkEnd(end: number): void {
    if (this.at !== end) throw new DecodeError("a value in the headers of a message is longer than its table");
  }

  /** A length prefix, after which so many bytes are there. */
  #length(end: number): number {
    const length = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    if (this.at + length > end) throw new DecodeError("a value in the headers of a message is longer than its table");
    return length;
  }

  #string(end: number): string | Buffer {
    const length = this.#length(end);
    const start = this.at;
    this.at += length;
    const text = this.bytes.toString("utf8", start, this.at);
    // Python writes bytes with the tag of strings: what is no text stays bytes, as py-amqp reads it.
    if (text.includes("\ufffd")) {
      const raw = this.bytes.subarray(start, this.at);
      if (!isUtf8(raw)) return raw;
    }
    return text;
  }

  #int64(): number | bigint {
    const value = this.bytes.readBigInt64BE((this.at += 8) - 8);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #timestamp(): Date {
    return new Date(Number(this.bytes.readBigUInt64BE((this.at += 8) - 8)) * 1000);
  }

  #decimal(): Decimal {
    const places = this.bytes.readUInt8(this.at);
    // Unsigned in RabbitMQ's documents, signed in py-amqp, which alone uses it.
    const digits = this.bytes.readInt32BE(this.at + 1);
    this.at += 5;
    const text = String(Math.abs(digits)).padStart(places + 1, "0");
    const point = text.length - places;
    return new Decimal(
      (digits < 0 ? "-" : "") + (places === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`),
    );
  }

  #bytes(end: number): Buffer {
    const length = this.#length(end);
    return this.bytes.subarray(this.at, (this.at += length));
  }

  #value(end: number, depth: number): unknown {
    const tag = this.bytes.readUInt8(this.at++);
    switch (tag) {
      case 0x53: // S
        return this.#string(end);
      case 0x56: // V
        return null;
      case 0x49: // I
        return this.bytes.readInt32BE((this.at += 4) - 4);
      case 0x74: // t
        return this.bytes.readUInt8(this.at++) !== 0;
      case 0x41: // A
        return this.#array(this.#length(end) + this.at, depth + 1);
      case 0x46: // F
        return this.table(this.#length(end) + this.at, depth + 1);
      case 0x64: // d
        return this.bytes.readDoubleBE((this.at += 8) - 8);
      case 0x6c: // l, signed in RabbitMQ and its clients
      case 0x4c: // L, py-amqp's integers beyond 32 bits
        return this.#int64();
      case 0x54: // T
        return this.#timestamp();
      case 0x62: // b
        return this.bytes.readInt8(this.at++);
      case 0x42: // B
        return this.bytes.readUInt8(this.at++);
      case 0x73: // s, a 16-bit integer in RabbitMQ and its clients
      case 0x55: // U
        return this.bytes.readInt16BE((this.at += 2) - 2);
      case 0x75: // u
        return this.bytes.readUInt16BE((this.at += 2) - 2);
      case 0x69: // i
        return this.bytes.readUInt32BE((this.at += 4) - 4);
      case 0x66: // f
        return this.bytes.readFloatBE((this.at += 4) - 4);
      case 0x44: // D
        return this.#decimal();
      case 0x78: // x
        return this.#bytes(end);
      default:
        throw new DecodeError(
          `the headers of a message have a value with the unknown type tag ${JSON.stringify(String.fromCharCode(tag))}`,
        );
    }
  }
}
