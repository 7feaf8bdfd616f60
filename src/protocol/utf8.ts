import { isAscii, isUtf8 } from "node:buffer";
import { DecodeError } from "../errors.js";

/** The bytes as a `Buffer` over the same memory: its methods are the fast ones. */
export const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Strict UTF-8, as Python decodes it: a byte order mark stays, nothing is replaced.
 * @throws DecodeError when the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  const buffer = bufferOf(bytes);
  if (isAscii(buffer)) return buffer.toString("latin1");
  if (!isUtf8(buffer)) throw new DecodeError(`${what} is not UTF-8 text`);
  return buffer.toString("utf8");
}
