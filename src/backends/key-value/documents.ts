import { ContentDisallowed, DecodeError } from "../../errors.js";
import { checkCompression } from "../../protocol/compression.js";
import { compressResult, expandResult } from "../../protocol/result-compression.js";
import type { ResultNode, ResultRecord } from "../../protocol/result.js";
import {
  groupDocument,
  groupKey,
  nodeFromGroupDocument,
  normalisePrefix,
  resultFromDocument,
  resultToDocument,
  taskKey,
} from "../../protocol/result.js";
import { acceptedTypes, decodeContent, encodeContent, serializerNamed } from "../../protocol/serializers/registry.js";
import type { BackendOptions } from "../backend.js";

/**
 * Keys and documents of one backend: what is stored where, in which form (celery/backends/base.py). The content type
 * is not stored, so writer and reader must be configured with the same serializer.
 */
export interface Documents {
  taskKey(taskId: string): string;
  groupKey(groupId: string): string;
  /** The beginnings of all keys that this backend writes. */
  readonly prefixes: readonly string[];
  encodeTask(record: ResultRecord): Uint8Array;
  decodeTask(bytes: Uint8Array, taskId: string): ResultRecord;
  encodeGroup(group: ResultNode): Uint8Array;
  decodeGroup(bytes: Uint8Array, groupId: string): ResultNode;
}

export function documents(options: BackendOptions): Documents {
  const prefix = normalisePrefix(options.transportOptions["global_keyprefix"] as string | undefined);
  const { contentType, contentEncoding } = serializerNamed(options.serializer);
  const accept = acceptedTypes(options.acceptContent);
  const { compression } = options;
  if (compression) checkCompression(compression);
  const encode = (document: unknown): Uint8Array =>
    compressResult(encodeContent(document, options.serializer).body, compression);

  const decode = <T>(bytes: Uint8Array, what: string, read: (document: unknown) => T): T => {
    try {
      return read(decodeContent({ body: expandResult(bytes), contentType, contentEncoding }, accept));
    } catch (cause) {
      if (cause instanceof ContentDisallowed)
        throw new ContentDisallowed(
          `${what} may not be read: results are written as ${contentType}, which is not accepted; ` +
            `add "${options.serializer}" to resultAcceptContent`,
          { cause },
        );
      throw new DecodeError(`${what} cannot be read as ${contentType} (resultSerializer): ${text(cause)}`, { cause });
    }
  };

  return {
    taskKey: (taskId) => taskKey(prefix, taskId),
    groupKey: (groupId) => groupKey(prefix, groupId),
    prefixes: ["celery-task-meta-", "celery-taskset-meta-", "chord-unlock-"].map((kind) => prefix + kind),
    encodeTask: (record) => encode(resultToDocument(record)),
    decodeTask: (bytes, taskId) =>
      decode(bytes, `the result of task ${taskId}`, (document) => resultFromDocument(document, taskId)),
    encodeGroup: (group) => encode(groupDocument(group)),
    decodeGroup: (bytes, groupId) => decode(bytes, `group result ${groupId}`, nodeFromGroupDocument),
  };
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
