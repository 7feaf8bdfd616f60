import { EncodeError } from "../../errors.js";
import type { Serializer } from "./serializer.js";

/** Bytes and text as they are. A string is written as UTF-8; reading always gives the bytes. */
export const rawSerializer: Serializer = {
  name: "raw",
  contentType: "application/data",
  contentEncoding: "binary",
  encode(value) {
    if (value instanceof Uint8Array) return value;
    if (typeof value === "string") return Buffer.from(value, "utf8");
    throw new EncodeError(
      `the serializer "raw" writes a Uint8Array or a string, not ${value === null ? "null" : typeof value}`,
    );
  },
  decode: (bytes) => bytes,
};
