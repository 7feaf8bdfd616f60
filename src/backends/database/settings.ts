import { ImproperlyConfigured } from "../../errors.js";
import type { BackendOptions } from "../backend.js";
import type { TableName } from "./table.js";

/**
 * How results stand in the `result` column. Up to Celery 5.6 they are pickles whatever `result_serializer` says; from
 * 5.7 on they are written by the serializer, and pickles are still read. "auto" follows the table: once a Python of
 * 5.7 or later has worked with it, it has a column `children`.
 */
export type ResultFormat = "auto" | "pickle" | "serializer";

export interface DatabaseSettings {
  readonly taskTable: TableName;
  readonly groupTable: TableName;
  /** Make missing tables when the backend is first used, not only when something is written. */
  readonly createAtSetup: boolean;
  readonly engineOptions: Readonly<Record<string, unknown>>;
  readonly timeZone: string;
  readonly format: ResultFormat;
}

const FORMATS: readonly ResultFormat[] = ["auto", "pickle", "serializer"];

/** @throws ImproperlyConfigured for a setting of the wrong kind */
export function databaseSettings(options: BackendOptions): DatabaseSettings {
  const settings = options.settings ?? {};
  const names = texts("databaseTableNames", settings["databaseTableNames"]);
  const schemas = texts("databaseTableSchemas", settings["databaseTableSchemas"]);
  const format = options.transportOptions["result_format"] ?? "auto";
  if (!FORMATS.includes(format as ResultFormat))
    throw new ImproperlyConfigured(`result_format is ${JSON.stringify(format)}; expected ${FORMATS.join(", ")}`);
  const engineOptions = (settings["databaseEngineOptions"] ?? {}) as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(engineOptions)) {
    const ours = SQLALCHEMY[name];
    if (ours !== undefined)
      throw new ImproperlyConfigured(
        `databaseEngineOptions has SQLAlchemy's ${name}; here they are the options of the client library${ours}`,
      );
  }
  const timeZone = settings["timezone"];
  return {
    taskTable: { schema: schemas["task"] ?? null, table: names["task"] ?? "celery_taskmeta" },
    groupTable: { schema: schemas["group"] ?? null, table: names["group"] ?? "celery_tasksetmeta" },
    createAtSetup: settings["databaseCreateTablesAtSetup"] !== false,
    engineOptions,
    timeZone: typeof timeZone === "string" ? timeZone : "UTC",
    format: format as ResultFormat,
  };
}

function texts(what: string, value: unknown): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [name, text] of Object.entries((value ?? {}) as Record<string, unknown>)) {
    if (text === null || text === undefined) continue;
    if ((name !== "task" && name !== "group") || typeof text !== "string" || text === "")
      throw new ImproperlyConfigured(`${what}.${name} is ${JSON.stringify(text)}; expected texts for task and group`);
    result[name] = text;
  }
  return result;
}

/** Options of SQLAlchemy's `create_engine`, which neither client library knows, with what is meant. */
const SQLALCHEMY: Readonly<Record<string, string>> = {
  pool_size: ": max (pg) or connectionLimit (mysql2)",
  max_overflow: ": max (pg) or connectionLimit (mysql2)",
  pool_timeout: ": connectionTimeoutMillis (pg)",
  pool_recycle: ": maxLifetimeSeconds (pg) or idleTimeout (mysql2)",
  pool_pre_ping: "; lost connections are replaced without it",
  pool_use_lifo: "",
  poolclass: "",
  echo: "",
  echo_pool: "",
  future: "",
  isolation_level: "",
  connect_args: "; give them directly",
  json_serializer: "",
  json_deserializer: "",
};
