import { readMsgpack } from "../msgpack/reader.js";
import { writeMsgpack } from "../msgpack/writer.js";
import type { Serializer } from "./serializer.js";

/**
 * MessagePack, packed and unpacked by the package msgpackr, an optional peer. Around it: what Python tells apart and
 * msgpackr does not (`1.0` and `1`, the types of map keys), and the limits for bytes from anywhere.
 */
export const msgpackSerializer: Serializer = {
  name: "msgpack",
  contentType: "application/x-msgpack",
  contentEncoding: "binary",
  encode: writeMsgpack,
  decode: readMsgpack,
};
