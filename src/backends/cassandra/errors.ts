import { CeleryError, ImproperlyConfigured, OperationalError } from "../../errors.js";
import type { CassandraSettings } from "./settings.js";

/** Codes of the server's answers, from the protocol's own table. */
const CODES = { badCredentials: 0x0100, unauthorized: 0x2100, invalid: 0x2200, alreadyExists: 0x2400 };
/** From here on the request itself is wrong: the same one would fail in the same way. */
const FIRST_FINAL_CODE = 0x2000;
const PROTOCOL_ERROR = 0x000a;
/** The server has forgotten a statement: it is sent anew the next time. */
const UNPREPARED = 0x2500;

/** A client library's error as ours: what was attempted, where, and whether trying again makes sense. */
export function cassandraError(error: unknown, attempt: string, settings: CassandraSettings): CeleryError {
  if (error instanceof CeleryError) return error;
  const cause = innermost(error);
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  const code = codeOf(cause);
  if (code === CODES.invalid && /keyspace .* does not exist/i.test(text)) return missingKeyspace(settings, error);
  const login = nameOf(cause) === "AuthenticationError" || code === CODES.badCredentials;
  const final =
    login ||
    nameOf(cause) === "ArgumentError" ||
    isCertificateError(cause) ||
    (code !== undefined && (code >= FIRST_FINAL_CODE || code === PROTOCOL_ERROR) && !isPassing(code, cause));
  const hint = login
    ? ' (check cassandraAuthProvider: "PlainTextAuthProvider" and cassandraAuthKwargs: { username, password })'
    : code === CODES.unauthorized
      ? ` (results need SELECT and MODIFY on ${settings.table.cql}, and CREATE on the keyspace unless the table is there)`
      : "";
  return new OperationalError(`${attempt} failed on ${settings.displayUrl}: ${text}${hint}`, {
    cause: error,
    retriable: !final,
  });
}

/** A statement about a table that is gone, or not quite there, can be sent again: whoever writes makes the table. */
const isPassing = (code: number, cause: unknown): boolean => code === UNPREPARED || isMissingTable(cause);

/** No server could be reached at all, as far as the library knows. */
export function isUnreachable(error: unknown): boolean {
  if (nameOf(error) !== "NoHostAvailableError") return false;
  return inside(error).every((cause) => !ANSWERED.has(nameOf(cause)));
}

/** Errors of a server that is there: it answered, or is too busy to. */
const ANSWERED: ReadonlySet<string> = new Set([
  "ResponseError",
  "AuthenticationError",
  "BusyConnectionError",
  "OperationTimedOutError",
]);

/** The table is not there: nobody has written yet, somebody dropped it, or it is being made right now (the last text). */
export function isMissingTable(error: unknown): boolean {
  const cause = innermost(error);
  return codeOf(cause) !== undefined && /unconfigured table|table .* does not exist|unknown CF /i.test(String(cause));
}

/** Another writer was faster to create the table. */
export const isAlreadyThere = (error: unknown): boolean => codeOf(innermost(error)) === CODES.alreadyExists;

function missingKeyspace({ keyspace, displayUrl }: CassandraSettings, cause: unknown): ImproperlyConfigured {
  const quoted = `"${keyspace.replaceAll('"', '""')}"`;
  return new ImproperlyConfigured(
    `the keyspace ${quoted} (cassandraKeyspace) does not exist on ${displayUrl}; create it first, as Celery demands too: ` +
      `CREATE KEYSPACE ${quoted} WITH replication = {'class': 'NetworkTopologyStrategy', '<data centre>': 3};`,
    { cause },
  );
}

/** When no server could answer, the library keeps each server's own error inside. */
function inside(error: unknown): unknown[] {
  const inner = (error as { innerErrors?: unknown } | null)?.innerErrors;
  return typeof inner === "object" && inner !== null ? Object.values(inner) : [];
}

/** What a server said: of the library's error, or of ours around it. */
function innermost(error: unknown): unknown {
  const original = error instanceof CeleryError ? error.cause : error;
  return inside(original)[0] ?? original;
}

/** The server's code; system errors carry texts there. */
function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "number" ? code : undefined;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

/** A certificate that is refused now is refused the next time too. */
const isCertificateError = (cause: unknown): boolean =>
  cause instanceof Error &&
  /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test((cause as NodeJS.ErrnoException).code ?? "");
