import { CeleryError, OperationalError } from "../../errors.js";

/** Answers of the server that pass by themselves: it starts, it is full, it is (not yet) the master. */
const PASSING = /^(LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|MISCONF|NOREPLICAS|UNBLOCKED)\b/;
/** Answers after which another connection, to another address perhaps, may do better. */
const MOVED = /^(LOADING|READONLY|MASTERDOWN)\b/;

/** Whether the server said no, in contrast to a connection that broke. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === "ReplyError";

export const isWrongServer = (error: unknown): error is Error => isReply(error) && MOVED.test(error.message);
export const isMissingScript = (error: unknown): boolean => isReply(error) && error.message.startsWith("NOSCRIPT");

/**
 * Any failure of the client as the library's error, naming the server with its password masked. `retriable` when the
 * same call may succeed later: the connection broke, or the server is not ready.
 *
 * @param rights a sentence about the rights that the purpose needs, for a user that lacks some
 */
export function redisFailure(doing: string, displayUrl: string, error: unknown, rights?: string): CeleryError {
  if (error instanceof CeleryError) return error;
  forgetArguments(error);
  const text = describe(error);
  if (!isReply(error))
    return new OperationalError(`${doing} ${displayUrl} failed: ${text}`, {
      cause: error,
      retriable: !isCertificateError(error),
    });
  return new OperationalError(`${doing} ${displayUrl} was refused: ${text}${remedy(text, rights)}`, {
    cause: error,
    retriable: PASSING.test(text),
  });
}

/** ioredis hangs the command on its errors, with the password in the arguments of AUTH and HELLO, and tasks in others. */
function forgetArguments(error: unknown): void {
  const { command } = (error ?? {}) as { command?: { name?: string; args?: unknown } };
  if (command) delete command.args;
}

export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map((one: unknown) => describe(one)).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}

/** A certificate that is refused now is refused the next time too. */
const isCertificateError = (error: unknown): boolean =>
  error instanceof Error &&
  /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test((error as NodeJS.ErrnoException).code ?? "");

function remedy(text: string, rights: string | undefined): string {
  if (/^(NOAUTH|WRONGPASS)|invalid password|without any password/i.test(text))
    return " (check user and password in the URL)";
  if (/^NOPERM/.test(text)) return ` (${rights ?? "the user's ACL does not allow it"})`;
  if (/DB index/.test(text)) return " (check the database number at the end of the URL)";
  if (/^(MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b/.test(text))
    return " (this is a node of a Redis Cluster, which is not supported, as in kombu: use one server, or Sentinel)";
  if (/^OOM/.test(text)) return " (the server's maxmemory is reached)";
  if (/invalid (multi)?bulk length|exceeds maximum allowed size/.test(text))
    return " (the message is larger than the server takes: see its proto-max-bulk-len; keep large data elsewhere)";
  return "";
}
