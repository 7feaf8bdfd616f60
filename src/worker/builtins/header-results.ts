import type { Backend } from "../../backends/backend.js";
import type { TaskError } from "../../errors.js";
import { exceptionToError } from "../../protocol/exception.js";
import { type ResultNode, type ResultRecord, isPropagated, isReady } from "../../protocol/result.js";

/** What the header of a chord came to. */
export interface HeaderResults {
  /** One for each member, in order; a group's is the list of its own. */
  readonly values: readonly unknown[];
  /** Of the first member, in order, that failed. */
  readonly failure: TaskError | undefined;
}

/** Results that are read at once. */
const BATCH = 50;

/** Reads the results of a header; `{}` when one is missing. Rejects when the store cannot be read. */
export async function readHeader(
  backend: Pick<Backend, "load">,
  header: readonly ResultNode[],
): Promise<HeaderResults | { readonly error?: undefined }> {
  const ids = [...new Set(header.flatMap(leaves))];
  const records = new Map<string, ResultRecord>();
  for (let from = 0; from < ids.length; from += BATCH)
    for (const record of await Promise.all(ids.slice(from, from + BATCH).map((id) => backend.load(id)))) {
      if (!record || !isReady(record.status)) return {};
      records.set(record.taskId, record);
    }
  const failed = ids.map((id) => records.get(id)).find((record) => record && isPropagated(record.status));
  const value = ({ id, children }: ResultNode): unknown => children?.map(value) ?? records.get(id)?.result ?? null;
  return { values: header.map(value), failure: failed && exceptionToError(failed.result, failed) };
}

const leaves = ({ id, children }: ResultNode): string[] => children?.flatMap(leaves) ?? [id];
