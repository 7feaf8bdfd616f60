import * as nodeZlib from "node:zlib";
import { requirePeer } from "../../util/load-peer.js";
import { bounded, tooLong, type Compression } from "./codec.js";
import { storeZstd, zstdWindowSize } from "./zstd-frame.js";

/** Node has zstd from 22.15 (and 23.8) on; the types here are those of Node 20. */
interface NodeZstd {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
}

interface FzstdPackage {
  readonly Decompress: new (ondata: (chunk: Uint8Array, final?: boolean) => void) => {
    push(chunk: Uint8Array, final?: boolean): void;
  };
}

const native = nodeZlib as NodeZstd;

/**
 * Zstandard. Where Node has none, frames are read by the package fzstd, and written without being made smaller (only
 * runs of one byte are): valid for every reader, with the content size that python-zstandard asks for.
 */
export const zstd: Compression = {
  type: "application/zstd",
  names: ["zstd", "zstandard"],
  compress: (bytes) => (native.zstdCompressSync ? native.zstdCompressSync(bytes) : storeZstd(bytes)),
  decompress(bytes, maxBytes) {
    const decompressSync = native.zstdDecompressSync;
    if (bytes.length === 0) throw new Error("there are no bytes");
    if (decompressSync) return bounded(() => decompressSync(bytes, { maxOutputLength: maxBytes }), maxBytes);
    return decompressByPackage(bytes, maxBytes);
  },
};

function decompressByPackage(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const { Decompress } = requirePeer<FzstdPackage>("fzstd", 'the compression "zstd" on this version of Node');
  if (zstdWindowSize(bytes) > maxBytes) throw tooLong(maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isComplete = false;
  const stream = new Decompress((chunk, final) => {
    size += chunk.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
    isComplete ||= final === true;
  });
  stream.push(bytes, true);
  if (!isComplete) throw new Error("the zstd data ends too early");
  return Buffer.concat(chunks);
}
