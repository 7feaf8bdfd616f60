import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A Python traceback: its head, its indented lines, then the exception's full name and its text. */
const traceback = /^.*Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$/gm;

/** The exception that the last Python traceback in a text (a log, an error) ends with. */
export const exceptionIn = (text: string): string | undefined => [...text.matchAll(traceback)].at(-1)?.[1];

/**
 * An error in its own words, as one line that says the same on every machine and in every run: without paths, ports,
 * random names and addresses in memory.
 */
export function errorLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const name =
    error instanceof Error && error.name !== "Error" && !error.name.startsWith("Assertion") ? error.name : "";
  const line = exceptionIn(text) ?? differenceIn(text);
  return tidy(name && !line.includes(name) ? `${name}: ${line}` : line);
}

/** node:assert writes a headline and then both values, marked by + and -. */
function differenceIn(text: string): string {
  const [headline = "", ...rest] = text.split("\n");
  const values = rest
    .filter((line) => /^[+-] /.test(line) && !/^\+ actual/.test(line))
    .map((line) => line.slice(0, 100));
  return values.length === 0 ? headline : `got ${side(values, "+")}, expected ${side(values, "-")}`;
}

const side = (lines: readonly string[], sign: string): string =>
  lines
    .filter((line) => line.startsWith(sign))
    .map((line) => line.slice(1).trim())
    .join(" ") || "nothing";

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
