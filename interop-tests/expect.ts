import assert from "node:assert/strict";
import { TaskError } from "../src/index.js";

/** The `TaskError` that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<TaskError> {
  const error: unknown = await promise.then(
    (value) => assert.fail(`resolved to ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError, String(error));
  return error;
}

/** Waits until a condition holds; one that throws does not hold yet. Mocha's timeout is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const holds = async (): Promise<boolean> => condition();
  // After the limit nobody waits any more: the process must be able to end.
  while (!(await holds().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 10).unref());
}

/** What a logger was told, for tests that look at it. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps everything. */
export function recordingLogger(): {
  readonly lines: LogLine[];
  readonly logger: Record<LogLine["level"], (message: string, fields?: object) => void>;
} {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (message: string, fields: object = {}): void => {
      lines.push({ level, message, fields: fields as Record<string, unknown> });
    };
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}
