import { ContentDisallowed, DecodeError, NotSupported } from "../../errors.js";
import type { ResultNode, ResultRecord } from "../../protocol/result.js";
import { KeyedLock } from "../../util/keyed-lock.js";
import { sleep } from "../../util/time.js";
import type { Backend, BackendCapabilities, BackendOptions } from "../backend.js";
import type { Documents } from "./documents.js";
import { documents } from "./documents.js";
import type { KeyValue } from "./key-value.js";
import type { RereadTiming } from "./reread-schedule.js";
import { closedError } from "../closed.js";
import { tornPause, WatchHub } from "./watch-hub.js";

export interface KeyValueBackendOptions {
  readonly scheme: string;
  readonly displayUrl: string;
  readonly kv: KeyValue;
  readonly options: BackendOptions;
  /** How often awaited results are read again; the default suits the kind of store. */
  readonly timing?: Partial<RereadTiming>;
  /** Values may be seen half-written (a file that Python writes in place); default false. */
  readonly tornReads?: boolean;
}

/** With reports from the store, reading again is only a safety net. */
const PUSH: RereadTiming = { first: 3000, factor: 2, max: 60_000, outage: Infinity };
const POLL: RereadTiming = { first: 10, factor: 1.5, max: 1000, outage: 20_000 };
/** Reads of something unreadable before it counts as broken: with growing pauses, a third of a second. */
const TORN_READS = 5;

/**
 * Celery's result backend over any key/value store (`BaseKeyValueStoreBackend`): one document per task under
 * `celery-task-meta-<id>`, SUCCESS never overwritten (checked by reading first, as Python does: not atomic between
 * processes, but ordered within one), saved groups under `celery-taskset-meta-<id>`.
 */
export function keyValueBackend(setup: KeyValueBackendOptions): Backend {
  const { kv, options } = setup;
  const docs: Documents = documents(options);
  const push = kv.follow !== undefined;
  const tornReads = setup.tornReads ? TORN_READS : 0;
  const ttl = expiry(options.resultExpires);
  const locks = new KeyedLock();
  const hub = new WatchHub({
    kv,
    documents: docs,
    logger: options.logger,
    timing: { ...(push ? PUSH : POLL), ...setup.timing },
    tornReads,
  });
  let closing: Promise<void> | undefined;
  const open = (): void => {
    if (closing) throw closedError();
  };

  /** Reads one value; something unreadable is read again while it may still be being written. */
  const read = async <T>(key: string, decode: (bytes: Uint8Array) => T): Promise<T | null> => {
    for (let attempt = 1; ; attempt++) {
      const bytes = await kv.get(key);
      if (bytes === null) return null;
      try {
        return decode(bytes);
      } catch (error) {
        if (attempt > tornReads || error instanceof ContentDisallowed) throw error;
        await sleep(tornPause(attempt));
      }
    }
  };

  const persist = <T>(write: () => Promise<T>): Promise<T> => (kv.persist ? kv.persist(write) : write());

  /** Whether a success is stored, which nothing may overwrite. What cannot be read may be. */
  const succeeded = async (taskId: string, current: Promise<ResultRecord | null>): Promise<boolean> => {
    try {
      return (await current)?.status === "SUCCESS";
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      options.logger.warn("replacing a stored result that cannot be read", { taskId, error });
      return false;
    }
  };

  const write = async (taskId: string, key: string, document: Uint8Array): Promise<void> => {
    const decode = (bytes: Uint8Array): ResultRecord => docs.decodeTask(bytes, taskId);
    let current: Promise<ResultRecord | null>;
    if (kv.add) {
      const there = await kv.add(key, document, ttl);
      if (there === null) return;
      current = (async () => decode(there))();
    } else current = read(key, decode);
    if (!(await succeeded(taskId, current))) await kv.set(key, document, ttl);
  };

  const capabilities: BackendCapabilities = {
    results: true,
    delivery: push ? "push" : "poll",
    shared: true,
    persistent: true,
    keepsSuccess: true,
    forget: true,
    groups: true,
    autoExpire: kv.cleanup === undefined,
  };

  return {
    scheme: setup.scheme,
    displayUrl: setup.displayUrl,
    capabilities,
    replyTo: null,

    async expect() {
      open();
    },

    async store(record) {
      open();
      const key = docs.taskKey(record.taskId);
      const document = docs.encodeTask(record);
      await locks.run(key, () => persist(() => write(record.taskId, key, document)));
      if (!push) hub.look(key);
    },

    async load(taskId) {
      open();
      return read(docs.taskKey(taskId), (bytes): ResultRecord => docs.decodeTask(bytes, taskId));
    },

    watch: (taskIds, watchOptions) => hub.watch(taskIds, watchOptions?.signal),

    async forget(taskId) {
      open();
      const key = docs.taskKey(taskId);
      await persist(() => kv.remove(key));
    },

    async saveGroup(group) {
      open();
      if (group.children === null)
        throw new NotSupported(`${group.id} is the result of one task, not of a group: there is nothing to save`);
      const key = docs.groupKey(group.id);
      const document = docs.encodeGroup(group);
      await persist(() => kv.set(key, document, ttl));
    },

    async loadGroup(groupId) {
      open();
      return read(docs.groupKey(groupId), (bytes): ResultNode => docs.decodeGroup(bytes, groupId));
    },

    async deleteGroup(groupId) {
      open();
      const key = docs.groupKey(groupId);
      await persist(() => kv.remove(key));
    },

    async cleanup() {
      open();
      if (ttl !== null) await kv.cleanup?.(docs.prefixes, ttl);
    },

    close() {
      hub.close(closedError());
      return (closing ??= kv.close());
    },
  };
}

/** Whole seconds as Python stores them; 0 and null mean for ever, and a part of a second counts as one. */
function expiry(seconds: number | null): number | null {
  return seconds === null || seconds <= 0 ? null : Math.max(1, Math.floor(seconds));
}
