import { deflateSync, unzipSync } from "node:zlib";
import { bounded, type Compression } from "./codec.js";

/**
 * What kombu calls gzip is a zlib stream (RFC 1950), and nothing else must be written. A real gzip body, which other
 * languages send under this name and Python cannot read, is read here all the same.
 */
export const zlib: Compression = {
  type: "application/x-gzip",
  names: ["gzip", "zlib"],
  compress: (bytes) => deflateSync(bytes),
  decompress(bytes, maxBytes) {
    if (bytes.length === 0) throw new Error("there are no bytes");
    return bounded(() => unzipSync(bytes, { maxOutputLength: maxBytes }), maxBytes);
  },
};
