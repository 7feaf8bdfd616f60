import { inspect } from "node:util";
import { TaskError } from "../errors.js";
import { errorText } from "./error-text.js";

/** Celery's levels (`-l`); FATAL is another name of CRITICAL. */
export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL"] as const;
export type LevelName = (typeof LEVELS)[number];

export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: LevelName;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Celery's line (`worker_log_format`): `[2026-11-21 10:00:00,123: INFO/MainProcess] message`, local time. What a task
 * logs has its name and id before it (`worker_task_log_format`), further fields follow, and an error is below with its
 * stack.
 */
export function formatText(
  record: LogRecord,
  { color, process }: { readonly color: boolean; readonly process: string },
): string {
  const { level, fields } = record;
  const { taskId, task, hostname: _hostname, runtime: _runtime, error, ...others } = fields;
  const ofTask = typeof taskId === "string" && !record.message.includes(`[${taskId}]`);
  const message = `${ofTask ? `${String(task)}[${taskId}]: ` : ""}${record.message}`;
  const line = `[${timestamp(record.time)}: ${level}/${process}] ${message}${inline(others)}${errorPart(level, message, error)}`;
  const shown = withoutControls(line);
  const code = color ? COLORS[level] : undefined;
  return code ? `\u001b[1;${code}m${shown}\u001b[0m` : shown;
}

/** One JSON object a line: `time` (ISO, UTC), `level`, `message`, the fields, and `error` as type, message and stack. */
export function formatJson({ time, level, message, fields }: LogRecord): string {
  const { error, ...others } = fields;
  const record = {
    ...{ time: new Date(time).toISOString(), level, message, ...others },
    ...(error !== undefined && { error: errorDocument(error) }),
  };
  try {
    return JSON.stringify(record, plain);
  } catch {
    // Fields that go in a circle.
    return JSON.stringify({ ...record, ...mapValues(others, (value) => inspect(value)) }, plain);
  }
}

const COLORS: Readonly<Partial<Record<LevelName, number>>> = { DEBUG: 34, WARNING: 33, ERROR: 31, CRITICAL: 35 };

/** Local time with milliseconds, as Python's logging writes it. */
export function timestamp(time: number): string {
  const at = new Date(time);
  const local = new Date(time - at.getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, 23).replace("T", " ").replace(".", ",");
}

/** Python shows stacks with errors; what is only worth a warning is told in its own words. */
function errorPart(level: LevelName, message: string, error: unknown): string {
  if (error === undefined) return "";
  if (level === "ERROR" || level === "CRITICAL" || level === "DEBUG") return `\n${errorText(error)}`;
  const text = error instanceof Error ? error.message : inspect(error);
  return message.includes(text) ? "" : `: ${text}`;
}

function inline(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${inlineValue(value)}`)
    .join("");
}

const inlineValue = (value: unknown): string =>
  typeof value === "string" && /^[^\s"'=]+$/.test(value)
    ? value
    : inspect(value, { breakLength: Infinity, depth: 3, maxArrayLength: 20, maxStringLength: 200 });

/** What others wrote must not move the cursor of a terminal, or recolour it. */
const withoutControls = (text: string): string =>
  text.replace(/\p{Cc}/gu, (one) => (one === "\n" || one === "\t" ? one : escaped(one)));

const escaped = (one: string): string => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`;

interface ErrorDocument {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorDocument;
}

function errorDocument(error: unknown, depth = 0): ErrorDocument {
  if (!(error instanceof Error)) return { type: typeof error, message: inspect(error) };
  const { name, message, stack, cause } = error;
  return {
    // One that comes from elsewhere (another thread, Python) has its own type.
    ...{ type: error instanceof TaskError ? error.type : name, message },
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && depth < 4 && { cause: errorDocument(cause, depth + 1) }),
  };
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return errorDocument(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}

const mapValues = (record: Readonly<Record<string, unknown>>, change: (value: unknown) => unknown): object =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
