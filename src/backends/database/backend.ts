import { CeleryError, NotSupported } from "../../errors.js";
import { KeyedLock } from "../../util/keyed-lock.js";
import { now, sleep } from "../../util/time.js";
import type { Backend, BackendCapabilities, BackendOptions } from "../backend.js";
import { closedError } from "../closed.js";
import { retrying, retryPolicy } from "../retry-policy.js";
import type { Dialect, Statement } from "./dialect.js";
import { Poller } from "./poller.js";
import type { Seen } from "./poller.js";
import { rowCodec } from "./rows.js";
import type { DatabaseSettings } from "./settings.js";
import { Tables } from "./tables.js";
import type { Shapes } from "./tables.js";

export interface DatabaseBackendOptions {
  readonly scheme: string;
  readonly displayUrl: string;
  readonly dialect: Dialect;
  readonly settings: DatabaseSettings;
  readonly options: BackendOptions;
  /** Bytes of the largest result that the tables Celery makes have room for. */
  readonly maxResult?: number;
}

/**
 * Attempts at one operation while the database says that it was only unlucky (a deadlock, a connection that had died),
 * with jittered pauses: Celery's default for this backend.
 */
const ATTEMPTS = 3;

/** Celery's SQL result backend (celery/backends/database) over one dialect. */
export function databaseBackend(setup: DatabaseBackendOptions): Backend {
  const { dialect, settings, options } = setup;
  const { client } = dialect;
  const { logger } = options;
  const closing = new AbortController();
  const policy = retryPolicy(options.transportOptions["retry_policy"]);
  const tables = new Tables(dialect, settings, logger, closing.signal);
  const codec = rowCodec(options, settings, dialect.dates);
  const locks = new KeyedLock();
  let closed: Promise<void> | undefined;

  const open = (id?: string): void => {
    if (closed) throw closedError();
    if (id === "") throw new CeleryError("the id of a task or group is empty; expected a text");
  };

  /** Runs an operation over the tables; what the database takes back without a fault of ours is tried again. */
  const run = async <T>(doing: string, needed: boolean, operation: (shapes: Shapes) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await operation(await tables.get(needed));
      } catch (cause) {
        const { error, stale } = cause instanceof CeleryError ? { error: cause, stale: false } : failed(cause, doing);
        if (stale) tables.forget();
        if ((!error.retriable && !stale) || attempt >= ATTEMPTS || closed) throw error;
        logger.debug(`${doing} failed; trying again`, { error, attempt });
        await sleep(Math.random() * 10 * 2 ** attempt);
      }
    }
  };
  const failed = (cause: unknown, doing: string): { error: CeleryError; stale: boolean } =>
    dialect.failure(cause, doing);

  /** Writes are made again for as long as the policy says: a finished task's result has no second chance. */
  const persist = <T>(doing: string, operation: (shapes: Shapes) => Promise<T>): Promise<T> =>
    retrying(
      policy,
      closing.signal,
      () => run(doing, true, operation),
      (error, retry) => logger.warn(`${doing} failed; trying again`, { error, retry }),
    );

  /** Statements in turn, until one of them finds or makes a row. */
  const first = async (statements: readonly Statement[]): Promise<void> => {
    for (const statement of statements) if ((await client.change(statement)) > 0) return;
  };

  const readTasks = (ids: readonly string[]): Promise<ReadonlyMap<string, Seen>> =>
    run("reading results", false, async ({ task }) => {
      const found = new Map<string, Seen>();
      if (!task) return found;
      const columns = codec.taskColumns(task);
      for (let at = 0; at < ids.length; at += dialect.batch) {
        const batch = ids.slice(at, at + dialect.batch);
        // A database may compare without regard to case: whoever is awaited looks for exactly his own id.
        for (const row of await client.rows(dialect.select(task, columns, "task_id", batch)))
          found.set(String(row["task_id"]), { row, decode: () => codec.readTask(row, task) });
      }
      return found;
    });

  const poller = new Poller({ read: readTasks, logger });

  const capabilities: BackendCapabilities = {
    results: true,
    delivery: "poll",
    shared: true,
    persistent: true,
    keepsSuccess: true,
    forget: true,
    groups: true,
    autoExpire: false,
    loses: settings.format === "serializer" ? ["groupId", "parentId"] : ["children", "groupId", "parentId"],
    ...(setup.maxResult !== undefined && { maxResult: setup.maxResult }),
  };

  return {
    scheme: setup.scheme,
    displayUrl: setup.displayUrl,
    capabilities,
    replyTo: null,

    async expect(taskId) {
      open(taskId);
    },

    async store(record) {
      open(record.taskId);
      await locks.run(record.taskId, () =>
        persist("writing a result", async ({ task }) => {
          if (!task) return;
          const columns = codec.writeTask(record, task);
          const keep = { column: "status", value: "SUCCESS" };
          await first(dialect.write({ table: task, key: "task_id", id: record.taskId, columns, keep }));
        }),
      );
      poller.look(record.taskId);
    },

    async load(taskId) {
      open(taskId);
      return (await readTasks([taskId])).get(taskId)?.decode() ?? null;
    },

    watch: (taskIds, watchOptions) => poller.watch(taskIds, watchOptions?.signal),

    async forget(taskId) {
      open(taskId);
      await persist("forgetting a result", async ({ task }) => {
        if (task) await client.change(dialect.remove(task, "task_id", taskId));
      });
    },

    async saveGroup(group) {
      open(group.id);
      if (group.children === null)
        throw new NotSupported(`${group.id} is the result of one task, not of a group: there is nothing to save`);
      await persist("saving a group", async ({ task, group: table }) => {
        if (!table) return;
        const columns = codec.writeGroup(group, table, task);
        await first(dialect.write({ table, key: "taskset_id", id: group.id, columns }));
      });
    },

    async loadGroup(groupId) {
      open(groupId);
      const rows = await run("reading a group", false, async ({ group }) =>
        group ? client.rows(dialect.select(group, ["taskset_id", "result"], "taskset_id", [groupId])) : [],
      );
      const row = rows.find((one) => one["taskset_id"] === groupId);
      return row ? codec.readGroup(row, groupId) : null;
    },

    async deleteGroup(groupId) {
      open(groupId);
      await persist("deleting a group", async ({ group }) => {
        if (group) await client.change(dialect.remove(group, "taskset_id", groupId));
      });
    },

    async cleanup() {
      open();
      const { resultExpires } = options;
      if (resultExpires === null || resultExpires <= 0) return;
      const oldest = now() - resultExpires * 1000;
      await run("removing old results", false, async ({ task, group }) => {
        if (task) await client.change(dialect.expire(task, codec.date(oldest, "task")));
        if (group) await client.change(dialect.expire(group, codec.date(oldest, "group")));
      });
    },

    close() {
      poller.close(closedError());
      closing.abort(closedError());
      return (closed ??= client.close());
    },
  };
}
