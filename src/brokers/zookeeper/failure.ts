import { CeleryError, OperationalError } from "../../errors.js";

/** Answers of the server that the driver acts upon. */
export const NO_NODE = -101;
export const NO_AUTH = -102;
export const NODE_EXISTS = -110;
export const NOT_EMPTY = -111;
const AUTH_FAILED = -115;

/** What the client calls with when there is no answer: the connection is gone, or the session is over. */
const WITHOUT_ANSWER: ReadonlySet<number> = new Set([-4, -7, -112]);

/** The server's answer to a call, or undefined when there was none: then nobody knows whether it was carried out. */
export function answerOf(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as Error & { readonly code?: unknown }).code : undefined;
  return typeof code === "number" && !WITHOUT_ANSWER.has(code) ? code : undefined;
}

/** Any failure as the library's error. `displayUrl` has its password masked. */
export function zookeeperFailure(doing: string, displayUrl: string, error: unknown): CeleryError {
  if (error instanceof CeleryError) return error;
  const text = describe(error);
  const answer = answerOf(error);
  if (answer === undefined) return new OperationalError(`${doing} ${displayUrl} failed: ${text}`, { cause: error });
  return new OperationalError(`${doing} ${displayUrl} was refused: ${text}${remedy(answer)}`, {
    cause: error,
    retriable: answer === NO_NODE || answer === NODE_EXISTS,
  });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map((one: unknown) => describe(one)).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}

function remedy(answer: number): string {
  if (answer === NO_AUTH)
    return (
      " (the node's ACL does not allow it: the queues need create, read and delete for everybody, as kombu makes " +
      "them, or for the user of the URL, zookeeper://user:password@host)"
    );
  if (answer === AUTH_FAILED) return " (check user and password in the URL)";
  return "";
}
