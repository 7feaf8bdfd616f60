import { fileURLToPath } from "node:url";

/** One line of a stack. */
export interface Frame {
  readonly file: string;
  readonly line: string;
  readonly fn: string;
}

/** No place is that long; more is text that somebody put into a stack. */
const LONGEST_LINE = 4096;

/**
 * The frames of V8's lines, newest first: `at fn (file:line:column)`, `at file:line:column`, `at async fn (...)`; those
 * without a place are left out. The message stands in front of them and may look like them.
 */
export function stackFrames(stack: string, message: string): Frame[] {
  const found: Frame[] = [];
  const start = message === "" ? -1 : stack.indexOf(message);
  for (const text of stack.slice(start < 0 ? 0 : start + message.length).split("\n")) {
    if (text.length > LONGEST_LINE) continue;
    const at = /^\s+at (.+)$/.exec(text)?.[1] ?? "";
    // Paths may have parentheses of their own: `C:\Program Files (x86)\app.js`.
    const open = at.endsWith(")") ? at.indexOf(" (") : -1;
    const place = /^(.+):(\d+):\d+$/.exec(open < 0 ? at : at.slice(open + 2, -1));
    if (!place || place[0].startsWith("eval at ")) continue;
    const [, file = "", line = ""] = place;
    const called = open < 0 ? "" : at.slice(0, open);
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
