import { CeleryError, ContentDisallowed, DecodeError, EncodeError } from "../../errors.js";
import { readPickle } from "../../protocol/pickle/reader.js";
import { writePickle } from "../../protocol/pickle/writer.js";
import { readException } from "../../protocol/exception-document.js";
import type { ExtendedResult, ResultNode, ResultRecord } from "../../protocol/result.js";
import { isException, isReady, nodeFromTuple, resultTuple } from "../../protocol/result.js";
import { acceptedTypes, decodeContent, encodeContent, serializerNamed } from "../../protocol/serializers/registry.js";
import { isoTime, parseIsoTime } from "../../protocol/iso-time.js";
import { now } from "../../util/time.js";
import type { BackendOptions } from "../backend.js";
import { fromWallClock, wallClock } from "./dates.js";
import type { Dialect, Row, Value } from "./dialect.js";
import { pickledGroup, readPickledGroup } from "./group-pickle.js";
import type { DatabaseSettings } from "./settings.js";
import type { Table } from "./table.js";
import { shownName } from "./table.js";

export type Columns = readonly (readonly [name: string, value: Value])[];

/** Records to and from rows (celery/backends/database/__init__.py and models.py of 5.2.7 to 5.7.0). */
export interface RowCodec {
  /** The columns to ask for. */
  taskColumns(table: Table): readonly string[];
  writeTask(record: ResultRecord, table: Table): Columns;
  readTask(row: Row, table: Table): ResultRecord;
  /** `tasks`: the table of tasks tells which form Python's side writes. */
  writeGroup(group: ResultNode, table: Table, tasks: Table | null): Columns;
  readGroup(row: Row, groupId: string): ResultNode;
  /** A moment in milliseconds, for a column of tasks (the application's wall clock) or of groups (UTC). */
  date(milliseconds: number, of: "task" | "group"): string;
}

const BASIC = ["status", "result", "date_done", "traceback"];
const EXTENDED = ["name", "args", "kwargs", "worker", "retries", "queue"];
const OPTIONAL = ["children", ...EXTENDED, "stamps"];

export function rowCodec(options: BackendOptions, settings: DatabaseSettings, dates: Dialect["dates"]): RowCodec {
  const { serializer } = options;
  const { contentType, contentEncoding } = serializerNamed(serializer);
  const accept = acceptedTypes(options.acceptContent);
  const encode = (value: unknown): Uint8Array => encodeContent(value, serializer).body;
  /** Python 5.7 has worked with this table, or is said to. */
  const modern = (tasks: Table | null): boolean =>
    settings.format === "auto" ? (tasks?.columns.has("children") ?? false) : settings.format === "serializer";

  /** By the serializer, and by pickle what is one: rows of older Pythons stay in the table (5.7 does the same). */
  const decode = (bytes: Uint8Array): unknown => {
    if (bytes.length === 0) throw new DecodeError("it is empty");
    return isPickle(bytes) ? readPickle(bytes) : decodeContent({ body: bytes, contentType, contentEncoding }, accept);
  };

  const reading = <T>(what: string, read: () => T): T => {
    if (!accept.has(contentType))
      throw new ContentDisallowed(
        `${what} may not be read: results are written as ${contentType}, which is not accepted; ` +
          `add "${serializer}" to resultAcceptContent`,
      );
    try {
      return read();
    } catch (cause) {
      if (!(cause instanceof CeleryError)) throw cause;
      throw new DecodeError(`${what} cannot be read, neither as a pickle nor as ${contentType}: ${cause.message}`, {
        cause,
      });
    }
  };

  const date = (milliseconds: number, of: "task" | "group"): string =>
    dates === "moments" ? isoTime(milliseconds) : wallClock(milliseconds, of === "task" ? settings.timeZone : "UTC");

  const dateDone = (row: Row): string | null => {
    const stored = row["date_done"];
    if (typeof stored !== "string" || stored === "") return null;
    const zone = dates === "moments" ? "UTC" : settings.timeZone;
    const iso = fromWallClock(stored, zone);
    return iso !== null && zone !== settings.timeZone ? isoTime(parseIsoTime(iso), settings.timeZone) : iso;
  };

  return {
    taskColumns: (table) => ["task_id", ...BASIC, ...OPTIONAL.filter((name) => table.columns.has(name))],

    writeTask(record, table) {
      const old = !modern(table);
      const value = record.result ?? null;
      const done = record.dateDone === null ? now() : parseIsoTime(record.dateDone, settings.timeZone);
      const columns: [string, Value][] = [
        ["status", record.status],
        ["result", old ? (value === null ? null : writePickle(value)) : encode(value)],
        ["date_done", isReady(record.status) ? date(done, "task") : null],
        ["traceback", record.traceback && plain(record.traceback)],
      ];
      const add = (name: string, of: () => Value): void => {
        if (table.columns.has(name)) columns.push([name, of()]);
      };
      if (!old) add("children", () => record.children && encode(record.children.map(resultTuple)));
      if (record.extended) addExtended(record.extended, add, encode);
      for (const [name, content] of columns) checkSize(table, name, content, `the result of task ${record.taskId}`);
      checkSize(table, "task_id", record.taskId, "a task id");
      return columns;
    },

    readTask(row, table) {
      const taskId = String(row["task_id"]);
      return reading(`the result of task ${taskId} in ${shownName(table.name)}`, () => {
        const status = row["status"];
        if (typeof status !== "string" || status === "") throw new DecodeError("it has no status");
        const stored = binary(row["result"]);
        const value = stored === null ? null : (decode(stored) ?? null);
        const children = binary(row["children"]);
        const extended = readExtended(row, decode);
        return {
          taskId,
          status,
          result: isException(status) ? readException(value) : value,
          traceback: text(row["traceback"]),
          children: children === null ? null : list(decode(children)).map(nodeFromTuple),
          dateDone: dateDone(row),
          groupId: null,
          parentId: null,
          ...(extended && { extended }),
        };
      });
    },

    writeGroup(group, table, tasks) {
      const result = modern(tasks) ? encode(resultTuple(group)) : pickledGroup(group);
      const columns: Columns = [
        ["result", result],
        ["date_done", date(now(), "group")],
      ];
      checkSize(table, "result", result, `group ${group.id}`);
      checkSize(table, "taskset_id", group.id, "a group id");
      return columns;
    },

    readGroup: (row, groupId) =>
      reading(`group ${groupId}`, () => {
        const stored = binary(row["result"]);
        if (stored === null) throw new DecodeError("it has no result");
        if (isPickle(stored)) return readPickledGroup(stored);
        const node = nodeFromTuple(decode(stored));
        if (node.children === null) throw new DecodeError("it is the result of one task");
        return node;
      }),

    date,
  };
}

/** Protocols 2 to 5, which is all that Celery ever wrote: no other serializer's output begins and ends like this. */
const isPickle = (bytes: Uint8Array): boolean =>
  bytes.length > 2 && bytes[0] === 0x80 && (bytes[1] as number) <= 5 && bytes[bytes.length - 1] === 0x2e;

function addExtended(
  extended: ExtendedResult,
  add: (name: string, of: () => Value) => void,
  encode: (value: unknown) => Uint8Array,
): void {
  const { name, args, kwargs, worker, retries, queue, stampedHeaders, stamps } = extended;
  add("name", () => name && plain(name));
  add("args", () => encode(args ?? null));
  add("kwargs", () => encode(kwargs ?? null));
  add("worker", () => worker && plain(worker));
  add("retries", () => retries);
  add("queue", () => queue && plain(queue));
  if (stamps && Object.keys(stamps).length > 0)
    add("stamps", () => encode({ stamped_headers: stampedHeaders ?? Object.keys(stamps), stamps }));
}

function readExtended(row: Row, decode: (bytes: Uint8Array) => unknown): ExtendedResult | undefined {
  if (EXTENDED.every((name) => row[name] === null || row[name] === undefined)) return undefined;
  const content = (name: string): unknown => {
    const stored = binary(row[name]);
    return stored === null ? null : (decode(stored) ?? null);
  };
  const { retries } = row;
  const fields = {
    name: text(row["name"]),
    args: content("args"),
    kwargs: content("kwargs"),
    worker: text(row["worker"]),
    retries: typeof retries === "number" ? retries : null,
    queue: text(row["queue"]),
  };
  const stamped = content("stamps") as { stamped_headers?: unknown; stamps?: unknown } | null;
  if (!stamped || typeof stamped.stamps !== "object" || stamped.stamps === null) return fields;
  const stampedHeaders = list(stamped.stamped_headers ?? []).filter((one) => typeof one === "string");
  return { ...fields, stampedHeaders, stamps: stamped.stamps as Record<string, unknown> };
}

/** Before anything is sent: some databases would cut it off, others refuse it in words of their own. */
function checkSize(table: Table, name: string, value: Value, what: string): void {
  const column = table.columns.get(name);
  if (!column || value === null || typeof value === "number") return;
  const size = typeof value === "string" ? Buffer.byteLength(value) : value.length;
  const place = `the column ${name} (${column.type}) of ${shownName(table.name)} takes at most`;
  if (column.maxBytes !== null && size > column.maxBytes)
    throw new EncodeError(
      `${what} has ${size} bytes for ${name}; ${place} ${column.maxBytes}: widen it (LONGBLOB or LONGTEXT in MySQL, ` +
        "max_allowed_packet of the server), or keep large data elsewhere and return where it is",
    );
  if (column.maxCharacters !== null && typeof value === "string" && value.length > column.maxCharacters) {
    // What JavaScript counts as two may be one there.
    const characters = [...value].length;
    if (characters > column.maxCharacters)
      throw new EncodeError(
        `${what} has ${characters} characters for ${name}; ${place} ${column.maxCharacters}: shorten it or widen the column`,
      );
  }
}

/** PostgreSQL knows no NUL in a text, and a traceback may quote one. */
const plain = (value: string): string => value.replaceAll("\0", "\\x00");

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const binary = (value: unknown): Uint8Array | null => (value instanceof Uint8Array ? value : null);

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new DecodeError("what should be a list is none");
}
