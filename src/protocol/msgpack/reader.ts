import { DecodeError } from "../../errors.js";
import { asObject } from "../own.js";
import type { DecodeOptions } from "../serializers/serializer.js";
import { msgpackr } from "./package.js";
import { scanMsgpack, type Scanned } from "./scan.js";

/**
 * Reads MessagePack: integers beyond 2^53-1 as `bigint`, bin as `Uint8Array`, a map as an object, or as a `Map` when
 * not all of its keys are text; the timestamp extension as `DateTime`.
 *
 * @throws DecodeError for anything malformed, truncated or with bytes left over, other extensions, text that is not
 * UTF-8, more than 1000 levels. A declared length is believed only as far as there are bytes. ImproperlyConfigured
 * without msgpackr.
 */
export function readMsgpack(bytes: Uint8Array, options?: DecodeOptions): unknown {
  const packr = msgpackr();
  const scanned = scanMsgpack(bytes, options?.floats === "keep");
  // msgpackr leaves a member on what it is given, so it gets a view of its own.
  const view = scanned.bytes.subarray();
  try {
    return restored(packr.unpack(view), scanned);
  } catch (cause) {
    throw new DecodeError("not msgpack: msgpackr cannot read it", { cause });
  }
}

/** What msgpackr read, in our terms. */
function restored(value: unknown, scanned: Scanned): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value instanceof Uint8Array)
    return scanned.masked.get(value.byteOffset - scanned.bytes.byteOffset) ?? new Uint8Array(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = restored(value[i], scanned);
    return value;
  }
  if (!(value instanceof Map)) return value;
  const entries = Array.from(value, ([key, member]) => [restored(key, scanned), restored(member, scanned)] as const);
  return asObject(entries) ?? new Map(entries);
}
