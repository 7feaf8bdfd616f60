import { CeleryError, EncodeError, OperationalError } from "../../../errors.js";
import type { Failure } from "../dialect.js";

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const Code = {
  ERROR: 1,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  SCHEMA: 17,
  TOOBIG: 18,
  CONSTRAINT: 19,
  NOTADB: 26,
} as const;

/** SQLite's own words for the codes, which some errors of @photostructure/sqlite have alone. */
const WORDS: readonly (readonly [RegExp, number])[] = [
  [/^database (?:table |schema )?is locked/i, Code.BUSY],
  [/unable to open database file/i, Code.CANTOPEN],
  [/disk I\/O error/i, Code.IOERR],
  [/attempt to write a readonly database/i, Code.READONLY],
  [/disk image is malformed/i, Code.CORRUPT],
  [/file is not a database/i, Code.NOTADB],
  [/database or disk is full/i, Code.FULL],
  [/database schema has changed/i, Code.SCHEMA],
  [/string or blob too big/i, Code.TOOBIG],
  [/^no such (?:table|column)|has no column/i, Code.ERROR],
];

/** The primary code: the extended ones carry it in their lowest byte. */
function codeOf(error: unknown): number | null {
  const { errcode, message } = error as { errcode?: unknown; message?: unknown };
  if (typeof errcode === "number") return errcode & 0xff;
  return typeof message === "string" ? (WORDS.find(([words]) => words.test(message))?.[1] ?? null) : null;
}

/** Another connection is writing. */
export const isBusy = (error: unknown): boolean => {
  const code = codeOf(error);
  return code === Code.BUSY || code === Code.LOCKED;
};

/** The connection may be to a file that was moved, or that is broken: the next statement gets a new one. */
export const isLost = (error: unknown): boolean => {
  const code = codeOf(error);
  return code === Code.READONLY || code === Code.IOERR || code === Code.CORRUPT || code === Code.NOTADB;
};

const REMEDIES: Readonly<Record<number, string>> = {
  [Code.CANTOPEN]: "; the folder must exist and be writable",
  [Code.READONLY]: "; the file and its folder must be writable",
  [Code.NOTADB]: "; the file is something else",
};

export function failure(cause: unknown, doing: string, shown: string): Failure {
  if (cause instanceof CeleryError) return { error: cause, stale: false };
  const code = codeOf(cause);
  const { message, errstr } = cause as { message?: unknown; errstr?: unknown };
  const reason =
    [message, errstr].filter((text) => typeof text === "string").find((text) => text !== "") ?? String(cause);
  const text = `${doing} in ${shown} failed: ${reason}${(code !== null && REMEDIES[code]) || ""}`;
  if (code === Code.TOOBIG) return { error: new EncodeError(text, { cause }), stale: false };
  const stale =
    code === Code.SCHEMA ||
    code === Code.READONLY ||
    (code === Code.ERROR && /no such (?:table|column)|has no column|already exists/i.test(String(message)));
  const retriable = isBusy(cause) || code === Code.IOERR || code === Code.FULL || code === Code.SCHEMA;
  return { error: new OperationalError(text, { cause, retriable }), stale };
}
