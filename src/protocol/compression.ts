import { DecodeError, EncodeError, ImproperlyConfigured } from "../errors.js";
import { brotli } from "./compression/brotli.js";
import { bzip2 } from "./compression/bzip2.js";
import type { Compression } from "./compression/codec.js";
import { lzma } from "./compression/lzma.js";
import { zlib } from "./compression/zlib.js";
import { zstd } from "./compression/zstd.js";

export type { Compression } from "./compression/codec.js";

/** 256 MiB: more than any sensible message, less than what ends a worker. */
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

const known = new Map<string, Compression>();

/** Adds a compression for the whole process (as kombu's `register`), under its MIME type and its short names. */
export function registerCompression(compression: Compression): void {
  for (const name of [compression.type, ...compression.names]) known.set(name, compression);
}

for (const one of [zlib, bzip2, brotli, lzma, zstd]) registerCompression(one);

function named(nameOrType: string): Compression | undefined {
  return known.get(nameOrType) ?? known.get(nameOrType.toLowerCase());
}

const unknown = (nameOrType: string): string =>
  `unknown compression ${JSON.stringify(nameOrType.slice(0, 64))}: known are ${[...known.keys()].join(", ")}`;

/** Throws `ImproperlyConfigured` when no compression has this name or MIME type: for checking settings early. */
export function checkCompression(nameOrType: string): void {
  if (!named(nameOrType)) throw new ImproperlyConfigured(unknown(nameOrType));
}

/**
 * Compresses a body as kombu does; `type` is what the message's `compression` header says.
 * @throws EncodeError for an unknown name, ImproperlyConfigured when the package that does it is not installed.
 */
export function compress(nameOrType: string, bytes: Uint8Array): { body: Uint8Array; type: string } {
  const compression = named(nameOrType);
  if (!compression) throw new EncodeError(unknown(nameOrType));
  try {
    return { body: compression.compress(bytes), type: compression.type };
  } catch (cause) {
    if (cause instanceof ImproperlyConfigured) throw cause;
    throw new EncodeError(`cannot compress with ${compression.names[0] ?? compression.type}: ${reason(cause)}`, {
      cause,
    });
  }
}

/**
 * Decompresses a body by the name or MIME type of its `compression` header.
 * @param limits `maxBytes` bounds the output (default 256 MiB).
 * @throws DecodeError for an unknown name, malformed or truncated data, or more output than the limit;
 * ImproperlyConfigured when the package that does it is not installed.
 */
export function decompress(
  nameOrType: string,
  bytes: Uint8Array,
  limits?: { readonly maxBytes?: number | undefined },
): Uint8Array {
  const compression = named(nameOrType);
  if (!compression) throw new DecodeError(unknown(nameOrType));
  const maxBytes = limits?.maxBytes ?? DEFAULT_MAX_BYTES;
  let body: Uint8Array;
  try {
    body = compression.decompress(bytes, maxBytes);
  } catch (cause) {
    if (cause instanceof ImproperlyConfigured || cause instanceof DecodeError) throw cause;
    throw new DecodeError(`cannot decompress ${compression.names[0] ?? compression.type}: ${reason(cause)}`, { cause });
  }
  if (body.length > maxBytes)
    throw new DecodeError(`the decompressed body is longer than the limit of ${maxBytes} bytes`);
  return body;
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).slice(0, 200);
