import { CeleryError, OperationalError } from "../../errors.js";

/** Answers of the server that pass by themselves: it starts, it is full, it is (not yet) the master. */
const PASSING = /^(LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|MISCONF|NOREPLICAS|UNBLOCKED)\b/;
/** Answers after which another connection, to another address perhaps, may do better. */
const MOVED = /^(LOADING|READONLY|MASTERDOWN)\b/;

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === "ReplyError";

export const isWrongServer = (error: unknown): boolean => isReply(error) && MOVED.test(error.message);
export const isMissingScript = (error: unknown): boolean => isReply(error) && error.message.startsWith("NOSCRIPT");

/** Any failure of the client as the library's error, naming the server with its password masked. */
export function redisFailure(doing: string, displayUrl: string, error: unknown): CeleryError {
  if (error instanceof CeleryError) return error;
  const text = describe(error);
  if (!isReply(error)) return new OperationalError(`${doing} ${displayUrl} failed: ${text}`, { cause: error });
  return new OperationalError(`${doing} ${displayUrl} was refused: ${text}${remedy(text)}`, {
    cause: error,
    retriable: PASSING.test(text),
  });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map((one: unknown) => describe(one)).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}

function remedy(text: string): string {
  if (/^(NOAUTH|WRONGPASS)|invalid password/i.test(text)) return " (check user and password in the URL)";
  if (/^NOPERM/.test(text)) return " (the user's ACL does not allow it: see the Redis section of docs/brokers.md)";
  if (/DB index/.test(text)) return " (check the database number at the end of the URL)";
  return "";
}
