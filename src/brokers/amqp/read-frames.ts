import { DecodeError } from "../../errors.js";
import { decodeTable } from "./decode-table.js";

/** The parts of amqplib's connection used here. They are internal to it, so their presence is checked. */
interface FrameReader {
  rest: Buffer;
  maxFrameSize: number;
  recvFrame(): unknown;
}

/** Basic properties as amqplib names them; `undecodable` is ours: the headers could not be read. */
export interface Properties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Record<string, unknown>;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestamp?: number;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
  undecodable?: DecodeError;
}

const HEADER_FRAME = 2;
const FRAME_END = 206;
const BASIC = 60;

/**
 * Makes this one connection read content header frames with our decoder instead of amqplib's. amqplib (2.3.1) knows no
 * tag `L`, which py-amqp writes for every integer beyond 32 bits, and gives up the whole connection on one: such a
 * message would come back after every reconnect. It also rounds 64-bit integers. Headers that nobody can read mark
 * their own message as undecodable and harm no other.
 *
 * Everything else, and frames that are not complete yet, stays with amqplib. Only this object is changed, so other
 * users of the same library notice nothing.
 *
 * @returns false when this version of amqplib has no such place; its own decoder then stays in use
 */
export function readHeaderFrames(connection: unknown): boolean {
  const reader = connection as Partial<FrameReader> | undefined;
  if (typeof reader?.recvFrame !== "function" || !Buffer.isBuffer(reader.rest)) return false;
  const original = reader.recvFrame;
  reader.recvFrame = function (this: FrameReader): unknown {
    const { rest } = this;
    if (rest.length < 8 || rest[0] !== HEADER_FRAME) return original.call(this);
    const size = rest.readUInt32BE(3);
    const end = 7 + size;
    const complete = rest.length > end && rest[end] === FRAME_END;
    const limit = this.maxFrameSize > 0 ? this.maxFrameSize : Infinity;
    if (!complete || size < 14 || size > limit || rest.readUInt16BE(7) !== BASIC) return original.call(this);
    this.rest = rest.subarray(end + 1);
    return {
      id: BASIC,
      channel: rest.readUInt16BE(1),
      size: Number(rest.readBigUInt64BE(11)),
      fields: decodeProperties(rest, 19, end),
    };
  };
  return true;
}

/** Property flags and values between two offsets (AMQP 0-9-1, 4.2.6.1), in the fixed order of the class. */
export function decodeProperties(bytes: Buffer, start: number, end: number): Properties {
  const flags = bytes.readUInt16BE(start);
  const found: Properties = {};
  let at = start + 2;
  const shortText = (): string => {
    const length = bytes.readUInt8(at);
    return bytes.toString("utf8", at + 1, (at += 1 + length));
  };
  try {
    if (flags & 0x8000) found.contentType = shortText();
    if (flags & 0x4000) found.contentEncoding = shortText();
    if (flags & 0x2000) {
      const length = bytes.readUInt32BE(at);
      at += 4;
      const from = at;
      at += length;
      if (at > end) throw new DecodeError("the header table of a message is longer than its frame");
      try {
        found.headers = decodeTable(bytes, from, length);
      } catch (error) {
        found.undecodable = error as DecodeError;
      }
    }
    if (flags & 0x1000) found.deliveryMode = bytes.readUInt8(at++);
    if (flags & 0x0800) found.priority = bytes.readUInt8(at++);
    if (flags & 0x0400) found.correlationId = shortText();
    if (flags & 0x0200) found.replyTo = shortText();
    if (flags & 0x0100) found.expiration = shortText();
    if (flags & 0x0080) found.messageId = shortText();
    if (flags & 0x0040) found.timestamp = Number(bytes.readBigUInt64BE((at += 8) - 8));
    if (flags & 0x0020) found.type = shortText();
    if (flags & 0x0010) found.userId = shortText();
    if (flags & 0x0008) found.appId = shortText();
    if (flags & 0x0004) found.clusterId = shortText();
    if (at > end) throw new DecodeError("the properties of a message are longer than their frame");
  } catch (error) {
    found.undecodable ??=
      error instanceof DecodeError
        ? error
        : new DecodeError("the properties of a message end inside a value", { cause: error });
  }
  return found;
}
