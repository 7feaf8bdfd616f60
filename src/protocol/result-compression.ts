import { DecodeError } from "../errors.js";
import { compress, decompress } from "./compression.js";

/** In front of a compressed result; no serializer's output begins with a zero byte. */
const MARK = Buffer.from("\0celery-compressed\0");
/** MIME types are far shorter. */
const LONGEST_TYPE = 100;

/**
 * A serialized result as it is stored under `result_compression` (a name such as "gzip"; null for none).
 *
 * @throws EncodeError for an unknown compression
 */
export function compressResult(bytes: Uint8Array, compression: string | null | undefined): Uint8Array {
  if (!compression) return bytes;
  const { body, type } = compress(compression, bytes);
  return Buffer.concat([MARK, Buffer.from(`${type}\0`), body]);
}

/**
 * A stored result as its serializer wrote it. From Celery 5.7 on, `result_compression` is honoured by Redis, file, Cassandra
 * and some more stores: mark, MIME type of the compression, a zero byte, compressed text (celery/backends/base.py
 * `decompress_payload`). Readers expand what is marked, whatever their own settings are.
 *
 * @throws DecodeError when what follows the mark cannot be expanded
 */
export function expandResult(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0 || !MARK.equals(bytes.subarray(0, MARK.length))) return bytes;
  const end = bytes.subarray(0, MARK.length + LONGEST_TYPE).indexOf(0, MARK.length);
  if (end < 0) throw new DecodeError("a compressed result does not say how it was compressed");
  const type = Buffer.from(bytes.subarray(MARK.length, end)).toString("utf8");
  return decompress(type, bytes.subarray(end + 1));
}
