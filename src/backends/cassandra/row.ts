import { deserialize, serialize } from "node:v8";
import { ContentDisallowed, DecodeError } from "../../errors.js";
import { checkCompression } from "../../protocol/compression.js";
import { compressResult, expandResult } from "../../protocol/result-compression.js";
import type { ResultRecord } from "../../protocol/result.js";
import { dateDone, isReady, resultFromDocument, resultTuple } from "../../protocol/result.js";
import { acceptedTypes, decodeContent, encodeContent, serializerNamed } from "../../protocol/serializers/registry.js";
import type { BackendOptions } from "../backend.js";
import type { Row } from "./cluster.js";

/** A state as it is stored: three values, each serialized for itself. */
export interface StateRow {
  readonly status: string;
  readonly result: Uint8Array;
  readonly traceback: Uint8Array;
  readonly children: Uint8Array;
}

export interface RowCodec {
  encode(record: ResultRecord): StateRow;
  decode(row: Row, taskId: string): ResultRecord;
}

/** Result, traceback and children are values of the result serializer, one per column (celery/backends/cassandra.py). */
export function rowCodec({ serializer, acceptContent, compression }: BackendOptions): RowCodec {
  const { contentType, contentEncoding } = serializerNamed(serializer);
  const accept = acceptedTypes(acceptContent);
  if (compression) checkCompression(compression);
  const encode = (value: unknown): Uint8Array => compressResult(encodeContent(value, serializer).body, compression);

  const decode = (bytes: unknown, column: string, taskId: string): unknown => {
    if (bytes === null || bytes === undefined) return null;
    const what = `the ${column} of task ${taskId}`;
    try {
      if (!(bytes instanceof Uint8Array) || bytes.length === 0) throw new DecodeError("it is empty");
      return decodeContent({ body: expandResult(bytes), contentType, contentEncoding }, accept);
    } catch (cause) {
      if (cause instanceof ContentDisallowed)
        throw new ContentDisallowed(
          `${what} may not be read: results are written as ${contentType}, which is not accepted; ` +
            `add "${serializer}" to resultAcceptContent`,
          { cause },
        );
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DecodeError(`${what} cannot be read as ${contentType} (resultSerializer): ${reason}`, { cause });
    }
  };

  return {
    encode: ({ status, result, traceback, children }) => ({
      status,
      result: encode(result ?? null),
      traceback: encode(traceback),
      children: encode(children && children.map(resultTuple)),
    }),

    decode(row, taskId) {
      const { status, date_done: date } = row;
      const final = typeof status === "string" && isReady(status);
      const document = {
        status,
        result: decode(row["result"], "result", taskId),
        traceback: decode(row["traceback"], "traceback", taskId),
        children: decode(row["children"], "children", taskId),
        // Every state has a time, because it is part of the key; only that of the last one means something.
        date_done: final && date instanceof Date ? dateDone(date) : null,
      };
      try {
        return resultFromDocument(document, taskId);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new DecodeError(`the stored state of task ${taskId} cannot be used: ${reason}`, { cause });
      }
    },
  };
}

/** A row as bytes and back, for what compares and keeps states as bytes; never stored. */
export const packRow = (row: Row): Uint8Array =>
  serialize([row["status"], row["date_done"], row["result"], row["traceback"], row["children"]]);

export function unpackRow(bytes: Uint8Array): Row {
  const [status, date_done, result, traceback, children] = deserialize(bytes) as unknown[];
  return { status, date_done, result, traceback, children };
}
