import { requirePeer } from "../../util/load-peer.js";
import { tooLong, type Compression } from "./codec.js";
import { xzOutputSize } from "./xz-size.js";

interface LzmaPackage {
  readonly xz: { compressSync(bytes: Uint8Array): Uint8Array; decompressSync(bytes: Uint8Array): Uint8Array };
}

const load = (): LzmaPackage => requirePeer<LzmaPackage>("@napi-rs/lzma", 'the compression "lzma"');

/**
 * The .xz container, as Python's `lzma.compress` writes it. The package's encoder favours speed and may hardly make
 * anything smaller; what it writes is a valid .xz for Python.
 */
export const lzma: Compression = {
  type: "application/x-lzma",
  names: ["lzma", "xz"],
  compress: (bytes) => load().xz.compressSync(bytes),
  decompress(bytes, maxBytes) {
    // The package has no limit of its own, so the size is known before it starts.
    if (xzOutputSize(bytes) > maxBytes) throw tooLong(maxBytes);
    return load().xz.decompressSync(bytes);
  },
};
