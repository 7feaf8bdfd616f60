import { fileURLToPath } from "node:url";
import { TaskError } from "../errors.js";

/**
 * The traceback of an error in the shape of Python's, so that Flower shows it and Python's tblib reads it: frames
 * oldest first, causes before the error they caused, as Python chains them.
 */
export function pythonTraceback(error: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  let at = error;
  do {
    seen.add(at);
    parts.unshift(one(at));
    if (at instanceof TaskError && at.traceback) parts.unshift(`${at.traceback.trimEnd()}\n`);
    at = causeOf(at);
  } while (at !== undefined && at !== null && !seen.has(at) && seen.size < MOST_CAUSES);
  return parts.join("\nThe above exception was the direct cause of the following exception:\n\n");
}

const MOST_CAUSES = 20;

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

function one(error: unknown): string {
  const { name, message, stack } = describe(error);
  const all = frames(stack).reverse();
  const own = all.filter(({ file }) => !file.startsWith("node:internal/"));
  const lines = (own.length > 0 ? own : all).map(({ file, line, fn }) => `  File "${file}", line ${line}, in ${fn}\n`);
  return `Traceback (most recent call last):\n${lines.join("")}${message === "" ? name : `${name}: ${message}`}\n`;
}

function describe(error: unknown): { name: string; message: string; stack: string } {
  if (!(error instanceof Error)) return { name: "Exception", message: safeText(() => error), stack: "" };
  const name = safeText(() => (error instanceof TaskError ? error.type : error.name));
  return {
    name: name || "Exception",
    message: safeText(() => error.message),
    stack: safeText(() => error.stack ?? ""),
  };
}

/** Anything can be thrown, also objects whose getters or `toString` throw. */
function safeText(read: () => unknown): string {
  try {
    return String(read());
  } catch {
    return "unprintable";
  }
}

interface Frame {
  readonly file: string;
  readonly line: string;
  readonly fn: string;
}

/** V8's lines: `at fn (file:line:column)`, `at file:line:column`, `at async fn (...)`; those without a place are left out. */
function frames(stack: string): Frame[] {
  const found: Frame[] = [];
  for (const text of stack.split("\n")) {
    const at = /^\s+at (.+)$/.exec(text)?.[1];
    const place = at && /^(?:(.*) \()?([^()]+):(\d+):\d+\)?$/.exec(at);
    if (!place) continue;
    const [, called = "", file = "", line = ""] = place;
    const fn = called.replace(/^(?:async |new )+/, "").replace(/ \[as .*\]$/, "");
    found.push({
      file: path(file.replace(/^async /, "")),
      line,
      fn: fn === "" || fn.includes("<anonymous>") ? "<module>" : fn,
    });
  }
  return found;
}

function path(file: string): string {
  try {
    return file.startsWith("file:") ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}
