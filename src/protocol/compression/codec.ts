import { DecodeError } from "../../errors.js";

/** One way to compress bodies, synchronously. Errors may be of any class: they become EncodeError or DecodeError. */
export interface Compression {
  /** The MIME type in the `compression` header. */
  readonly type: string;
  /** Short names for settings. */
  readonly names: readonly string[];
  compress(bytes: Uint8Array): Uint8Array;
  /** Must stop when the output passes `maxBytes`. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}

export const tooLong = (maxBytes: number): DecodeError =>
  new DecodeError(`the decompressed body is longer than the limit of ${maxBytes} bytes`);

/** node:zlib says "too large" by a code; ours names the limit. */
export function bounded(run: () => Uint8Array, maxBytes: number): Uint8Array {
  try {
    return run();
  } catch (error) {
    throw (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? tooLong(maxBytes) : error;
  }
}
