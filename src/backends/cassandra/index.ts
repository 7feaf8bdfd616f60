import { CeleryError, EncodeError, NotSupported } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { KeyedLock } from "../../util/keyed-lock.js";
import { now } from "../../util/time.js";
import type { Backend, BackendCapabilities, BackendOptions } from "../backend.js";
import { closedError } from "../closed.js";
import type { RereadTiming } from "../key-value/reread-schedule.js";
import { WatchHub } from "../key-value/watch-hub.js";
import { retrying, retryPolicy } from "../retry-policy.js";
import type { Row } from "./cluster.js";
import { Cluster } from "./cluster.js";
import { isMissingTable } from "./errors.js";
import { packRow, rowCodec, unpackRow } from "./row.js";
import { cassandraSettings } from "./settings.js";
import { ensureTable, statements } from "./table.js";

const TIMING: RereadTiming = { first: 15, factor: 1.5, max: 1000, outage: 20_000 };
/** Tasks asked for in one statement: managed clusters refuse more than 20 (Astra's guardrail for `IN`). */
const IDS_PER_QUERY = 20;
/** The server's limit for a key. */
const LONGEST_ID = 65_535;
/** Names, times and lengths around the values of a row: measured 122 bytes with a short id. */
const ROW_OVERHEAD = 512;

const CAPABILITIES: BackendCapabilities = {
  results: true,
  delivery: "poll",
  shared: true,
  persistent: true,
  keepsSuccess: true,
  forget: true,
  groups: false,
  autoExpire: true,
  loses: ["groupId", "parentId", "extended"],
};

/**
 * Results in Cassandra or Astra, as celery/backends/cassandra.py keeps them: one row per state, the newest wins. Celery's
 * `cassandra_*` settings say where; the URL is `cassandra://`, and may name hosts, keyspace and table where they do not.
 *
 * Before writing, the newest row is read, as Celery does from 5.7 on: a SUCCESS stays, and any other state gets a
 * later time than the one before, whatever the clocks of the machines say.
 *
 * Transport options: `retry_policy` for writing; `max_result_bytes` (16 MiB, a server's own default).
 *
 * @throws ImproperlyConfigured for settings that are missing or cannot be used
 */
export default function open(url: string, options: BackendOptions): Backend {
  const settings = cassandraSettings(url, options);
  const policy = retryPolicy(options.transportOptions["retry_policy"]);
  const codec = rowCodec(options);
  const cql = statements(settings);
  const { logger } = options;
  const cluster = new Cluster(settings, options.lib, logger);
  const closing = new AbortController();
  const locks = new KeyedLock();
  let table: Promise<void> | undefined;

  const checkOpen = (): void => {
    if (closing.signal.aborted) throw closedError();
  };

  /** Rows of a table that need not be there yet, or not any more. */
  const read = async (query: string, values: readonly unknown[]): Promise<readonly Row[]> => {
    try {
      return await cluster.rows("reading results", query, values, settings.readConsistency);
    } catch (error) {
      if (!isMissingTable(error)) throw error;
      table = undefined;
      return [];
    }
  };

  const readMany = async (ids: readonly string[]): Promise<(Uint8Array | null)[]> => {
    const groups: string[][] = [];
    for (let at = 0; at < ids.length; at += IDS_PER_QUERY) groups.push(ids.slice(at, at + IDS_PER_QUERY));
    const rows = (await Promise.all(groups.map((group) => read(cql.selectMany, [group])))).flat();
    const byId = new Map(rows.map((row) => [row["task_id"], row]));
    return ids.map((id) => {
      const row = byId.get(id);
      return row ? packRow(row) : null;
    });
  };

  const hub = new WatchHub({
    kv: { getMany: readMany, batch: 2000 },
    documents: {
      prefixes: [""],
      taskKey: checkId,
      decodeTask: (bytes, taskId) => codec.decode(unpackRow(bytes), taskId),
    },
    logger,
    timing: TIMING,
    tornReads: 0,
  });

  const tableReady = (): Promise<void> =>
    (table ??= ensureTable(cluster, settings).catch((error: unknown) => {
      table = undefined;
      throw error;
    }));

  const insert = async (record: ResultRecord, values: ReturnType<typeof codec.encode>): Promise<void> => {
    const { taskId, status } = record;
    await tableReady();
    const [newest] = await read(cql.selectHead, [taskId]);
    if (newest?.["status"] === "SUCCESS") return;
    // Nothing when it was there, else it was found to be dropped.
    await tableReady();
    const { result, traceback, children } = values;
    const row = [taskId, status, result, timeOf(record, newest), traceback, children];
    try {
      await cluster.rows("writing a result", cql.insert, row, settings.writeConsistency);
    } catch (error) {
      // Just made by another writer: listed already and not yet usable, which is over when the policy tries again.
      if (isMissingTable(error)) table = undefined;
      throw error;
    }
  };

  const noGroups = (): never => {
    throw new NotSupported("Cassandra keeps no group results, as in Celery: use a Redis or database backend for them");
  };

  return {
    scheme: "cassandra",
    displayUrl: settings.displayUrl,
    capabilities: CAPABILITIES,
    replyTo: null,

    async expect() {
      checkOpen();
    },

    async store(record) {
      checkOpen();
      const taskId = checkId(record.taskId);
      const values = codec.encode(record);
      checkSize(taskId, values, settings.maxBytes);
      const write = (): Promise<void> =>
        retrying(
          policy,
          closing.signal,
          () => insert(record, values),
          (error, retry) => logger.warn("a result could not be written; trying again", { error, retry }),
        );
      await locks.run(taskId, write);
      hub.look(taskId);
    },

    async load(taskId) {
      checkOpen();
      const [row] = await read(cql.select, [checkId(taskId)]);
      return row ? codec.decode(row, taskId) : null;
    },

    watch: (taskIds, watchOptions) => hub.watch(taskIds, watchOptions?.signal),

    async forget(taskId) {
      checkOpen();
      await tableReady();
      await cluster.rows("removing a result", cql.remove, [checkId(taskId)], settings.writeConsistency);
    },

    saveGroup: async () => noGroups(),
    loadGroup: async () => noGroups(),
    deleteGroup: async () => noGroups(),

    // Rows go away by themselves, or were meant to stay.
    async cleanup() {
      checkOpen();
    },

    close() {
      closing.abort();
      hub.close(closedError());
      return cluster.close();
    },
  };
}

/** The time is the key of a row and decides which one is the newest: it always grows, by a millisecond at least. */
function timeOf({ dateDone }: ResultRecord, newest: Row | undefined): Date {
  const given = dateDone === null ? NaN : Date.parse(dateDone);
  const time = Number.isNaN(given) ? now() : given;
  const last = newest?.["date_done"];
  return new Date(last instanceof Date ? Math.max(time, last.getTime() + 1) : time);
}

function checkId(taskId: string): string {
  const bytes = Buffer.byteLength(taskId);
  if (bytes === 0) throw new CeleryError("the id of a task is empty; expected a text");
  if (bytes > LONGEST_ID)
    throw new CeleryError(`the id of a task has ${bytes} bytes; Cassandra takes at most ${LONGEST_ID}: use a UUID`);
  return taskId;
}

function checkSize(taskId: string, row: ReturnType<ReturnType<typeof rowCodec>["encode"]>, limit: number): void {
  const bytes = Buffer.byteLength(taskId) + row.result.length + row.traceback.length + row.children.length;
  if (bytes + ROW_OVERHEAD > limit)
    throw new EncodeError(
      `the result of task ${taskId} has ${bytes} bytes; the Cassandra server takes at most ${limit} with ${ROW_OVERHEAD} ` +
        "to spare: keep large data elsewhere and return where it is (or raise max_mutation_size and " +
        "native_transport_max_frame_size on the servers, and max_result_bytes in resultBackendTransportOptions)",
    );
}
