import { AssertionError } from "node:assert/strict";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A Python traceback: its head, its indented lines, then the exception's full name and its text. */
const traceback = /^.*Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$/gm;

/** The exceptions that the Python tracebacks in a text (a log, an error) end with. */
export const exceptionsIn = (text: string): string[] => [...text.matchAll(traceback)].map(([, line = ""]) => line);

/**
 * An error in its own words, as one line that says the same on every machine and in every run: without paths, ports,
 * random names and addresses in memory.
 */
export function errorLine(error: unknown): string {
  if (error instanceof AssertionError && /equal/i.test(error.operator))
    return tidy(`got ${inOneLine(error.actual)}, expected ${inOneLine(error.expected)}`);
  const text = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error && !plain.test(error.name) ? error.name : "";
  const line = exceptionsIn(text).at(-1) ?? text.split("\n", 1)[0] ?? "";
  return tidy(name && !line.includes(name) ? `${name}: ${line}` : line);
}

const plain = /^(Error|AssertionError)$/;
const inOneLine = (value: unknown): string => inspect(value, { breakLength: Infinity, compact: true, depth: 4 });

function tidy(line: string): string {
  const short = line
    .replaceAll(root, "")
    .replaceAll(tmpdir(), "/tmp")
    .replaceAll(/(celeriac-\w+)-\w{6}\b/g, "$1-…")
    .replaceAll(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, "<uuid>")
    .replaceAll(/\b(interop|node|py|test)-[0-9a-f]{6,8}\b/g, "$1-…")
    .replaceAll(/\b(127\.0\.0\.1|localhost):\d+/g, "$1:<port>")
    .replaceAll(/0x[0-9a-f]{6,}/gi, "0x…")
    .replaceAll(/\s+/g, " ")
    .trim();
  return short.length > 300 ? `${short.slice(0, 297)}…` : short;
}
