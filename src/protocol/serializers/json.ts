import { dumps, loads } from "../json.js";
import { decodeUtf8 } from "../utf8.js";
import type { Serializer } from "./serializer.js";

/** Celery's default. What is written is plain ASCII. */
export const jsonSerializer: Serializer = {
  name: "json",
  contentType: "application/json",
  contentEncoding: "utf-8",
  encode: (value) => Buffer.from(dumps(value), "latin1"),
  decode: (bytes, options) => loads(decodeUtf8(bytes, "the JSON body"), options),
};
