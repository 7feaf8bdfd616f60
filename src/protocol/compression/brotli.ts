import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { bounded, type Compression } from "./codec.js";

/** Quality 5: Node's default (and Python's) of 11 takes some hundred times longer for a few percent. */
const QUALITY = 5;

export const brotli: Compression = {
  type: "application/x-brotli",
  names: ["brotli"],
  compress: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }),
  decompress: (bytes, maxBytes) => bounded(() => brotliDecompressSync(bytes, { maxOutputLength: maxBytes }), maxBytes),
};
