import { CeleryError } from "../errors.js";

/** Keys of key-value stores (celery/backends/base.py `KeyValueStoreBackend`). `prefix` is a normalised one. */

/** `global_keyprefix` as it is put in front of keys: with an underscore unless it ends in a separator of its own. */
export const normalisePrefix = (prefix: string | null | undefined): string =>
  !prefix ? "" : /[:_\-.]$/.test(prefix) ? prefix : `${prefix}_`;

/** Where a task's result is. Throws `CeleryError` for an empty id. */
export const taskKey = (prefix: string, taskId: string): string => `${prefix}celery-task-meta-${some(taskId, "task")}`;

/** Where a group is saved; chord parts add `.j`, `.t`, `.s`. */
export const groupKey = (prefix: string, groupId: string): string =>
  `${prefix}celery-taskset-meta-${some(groupId, "group")}`;

/** The counter of stores without native chords. */
export const chordKey = (prefix: string, groupId: string): string => `${prefix}chord-unlock-${some(groupId, "group")}`;

function some(id: string, what: string): string {
  if (typeof id !== "string" || id === "") throw new CeleryError(`the id of a ${what} is empty; expected a text`);
  return id;
}
