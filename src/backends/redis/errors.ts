import { CeleryError, OperationalError } from "../../errors.js";

/** Replies that say "later", by the first word of the server's text. */
const LATER = /^(?:LOADING|BUSY|TRYAGAIN|MASTERDOWN|CLUSTERDOWN|READONLY|OOM|MISCONF|NOREPLICAS|UNBLOCKED)\b/;
/** Any other reply of the server (`WRONGPASS ...`, `ERR ...`): the same call would fail in the same way. */
const REPLY = /^[A-Z]{2,}\d*\b/;

/** A client library's error as ours: what was attempted, where, and whether trying again makes sense. */
export function redisError(cause: unknown, attempt: string, displayUrl: string): CeleryError {
  if (cause instanceof CeleryError) return cause;
  const text = describe(cause);
  const refused = isCertificateError(cause) || (REPLY.test(text) && !LATER.test(text) && !isSystemError(cause));
  return new OperationalError(`${attempt} failed on ${displayUrl}: ${text}${hint(text)}`, {
    cause,
    retriable: !refused,
  });
}

function describe(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return describe(cause.errors[0]);
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

/** A certificate that is refused now is refused the next time too. */
const isCertificateError = (cause: unknown): boolean =>
  cause instanceof Error &&
  /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test((cause as NodeJS.ErrnoException).code ?? "");

const isSystemError = (cause: unknown): boolean =>
  cause instanceof AggregateError || (cause instanceof Error && "syscall" in cause);

function hint(text: string): string {
  if (/^NOAUTH/.test(text)) return " (put the password into the URL: redis://:password@host)";
  if (/^WRONGPASS/.test(text)) return " (check user name and password in the URL)";
  if (/^NOPERM/.test(text))
    return " (results need get, mget, set, setex, del, publish, subscribe, multi on celery-* keys and channels)";
  return "";
}
