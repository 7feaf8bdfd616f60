import { appendFileSync, writeSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import type { Logger } from "../util/logger.js";
import { now } from "../util/time.js";
import { CliError } from "./exit-codes.js";
import { type LevelName, type LogRecord, formatJson, formatText } from "./log-record.js";

const RANK: Readonly<Record<LevelName, number>> = {
  DEBUG: 10,
  INFO: 20,
  WARNING: 30,
  ERROR: 40,
  CRITICAL: 50,
  FATAL: 50,
};

export interface ConsoleLoggerOptions {
  readonly level: LevelName;
  /** A file to append to; stderr without one. It is opened for each line, so that it may be moved away (logrotate). */
  readonly file?: string | undefined;
  readonly json: boolean;
  readonly color: boolean;
  /** Python's name of the process. Default: MainProcess. */
  readonly process?: string;
}

/** Writes log lines as Celery does (celery/app/log.py). */
export class ConsoleLogger implements Logger {
  readonly level: LevelName;
  readonly #format: (record: LogRecord) => string;
  readonly #write: (line: string) => void;

  constructor({ level, file, json, color, process: name = "MainProcess" }: ConsoleLoggerOptions) {
    this.level = level;
    this.#format = json ? formatJson : (record) => formatText(record, { color, process: name });
    this.#write = file === undefined ? toStderr : appendTo(file);
  }

  debug(message: string, fields?: object): void {
    this.log("DEBUG", message, fields);
  }
  info(message: string, fields?: object): void {
    this.log("INFO", message, fields);
  }
  warn(message: string, fields?: object): void {
    this.log("WARNING", message, fields);
  }
  error(message: string, fields?: object): void {
    this.log("ERROR", message, fields);
  }

  isLevelEnabled(level: string): boolean {
    return this.#rank(level) >= RANK[this.level];
  }

  log(level: LevelName, message: string, fields: object = {}): void {
    if (RANK[level] < RANK[this.level]) return;
    this.#write(`${this.#format({ time: now(), level, message, fields: fields as LogRecord["fields"] })}\n`);
  }

  #rank(level: string): number {
    return RANK[(level === "warn" ? "WARNING" : level.toUpperCase()) as LevelName] ?? 0;
  }
}

function toStderr(line: string): void {
  if (isMainThread) return void process.stderr.write(line);
  // That of a thread goes through the main one, and what a thread says last would be lost.
  try {
    writeSync(2, line);
  } catch {
    process.stderr.write(line);
  }
}

function appendTo(path: string): (line: string) => void {
  try {
    appendFileSync(path, "");
  } catch (error) {
    throw new CliError(`the log file ${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
  return (line) => {
    try {
      appendFileSync(path, line);
    } catch {
      // A full disk must not end the tasks.
    }
  };
}
