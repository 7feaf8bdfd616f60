import { decodeUtf8 } from "../utf8.js";
import { readFloat } from "../values.js";
import type { ByteSource } from "./byte-source.js";
import { parseString, parseUnicode, textWithSurrogates } from "./old-text.js";
import { Op } from "./opcodes.js";

/** The value of an opcode that pushes a None, bool, number, text or bytes; undefined for any other opcode. */
export function readLiteral(op: number, source: ByteSource, keepFloats: boolean): unknown {
  switch (op) {
    case Op.NONE:
      return null;
    case Op.NEWTRUE:
      return true;
    case Op.NEWFALSE:
      return false;
    case Op.BININT1:
      return source.u8();
    case Op.BININT2:
      return source.uint(2);
    case Op.BININT:
      return source.int32();
    case Op.LONG1:
      return source.long(source.u8());
    case Op.LONG4:
      return source.long(source.int32());
    case Op.BINFLOAT:
      return readFloat(source.float(), keepFloats);
    case Op.SHORT_BINUNICODE:
      return text(source.bytes(source.u8()));
    case Op.BINUNICODE:
      return text(source.bytes(source.uint(4)));
    case Op.BINUNICODE8:
      return text(source.bytes(source.length64()));
    case Op.SHORT_BINBYTES:
      return new Uint8Array(source.bytes(source.u8()));
    case Op.BINBYTES:
      return new Uint8Array(source.bytes(source.uint(4)));
    case Op.BINBYTES8:
    case Op.BYTEARRAY8:
      return new Uint8Array(source.bytes(source.length64()));
    default:
      return oldLiteral(op, source, keepFloats);
  }
}

/** Protocols 0 and 1, and Python 2's byte strings. */
function oldLiteral(op: number, source: ByteSource, keepFloats: boolean): unknown {
  switch (op) {
    case Op.INT: {
      const line = source.line();
      return line === "00" ? false : line === "01" ? true : source.digits(line);
    }
    case Op.LONG:
      return source.digits(source.line().replace(/L$/, ""));
    case Op.FLOAT: {
      const line = source.line();
      const value = FLOAT_WORDS.get(line) ?? Number(line);
      if (line.trim() === "" || (Number.isNaN(value) && !FLOAT_WORDS.has(line))) throw source.fail("a malformed float");
      return readFloat(value, keepFloats);
    }
    case Op.STRING: {
      const bytes = parseString(source.line());
      if (!bytes) throw source.fail("a malformed string");
      return byteString(bytes);
    }
    case Op.BINSTRING: {
      const size = source.int32();
      if (size < 0) throw source.fail("a negative length");
      return byteString(source.bytes(size));
    }
    case Op.SHORT_BINSTRING:
      return byteString(source.bytes(source.u8()));
    case Op.UNICODE:
      return parseUnicode(source.line());
    default:
      return undefined;
  }
}

const FLOAT_WORDS: ReadonlyMap<string, number> = new Map([
  ["nan", NaN],
  ["inf", Infinity],
  ["-inf", -Infinity],
]);

const text = (bytes: Buffer): string => textWithSurrogates(bytes) ?? decodeUtf8(bytes, "text in a pickle");

/** Python 2's `str`: text when it is ASCII, as Python 3 reads it; else its bytes (where Python 3 fails). */
function byteString(bytes: Uint8Array): string | Uint8Array {
  const isText = bytes.every((byte) => byte < 0x80);
  return isText ? Buffer.from(bytes).toString("latin1") : new Uint8Array(bytes);
}
