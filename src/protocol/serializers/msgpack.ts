import { readMsgpack } from "../msgpack/reader.js";
import { writeMsgpack } from "../msgpack/writer.js";
import type { Serializer } from "./serializer.js";

/**
 * MessagePack, by our own codec: the ones on npm cannot tell Python's `1.0` from `1` in either direction, lose the
 * type of map keys, or bring an install script.
 */
export const msgpackSerializer: Serializer = {
  name: "msgpack",
  contentType: "application/x-msgpack",
  contentEncoding: "binary",
  encode: writeMsgpack,
  decode: readMsgpack,
};
