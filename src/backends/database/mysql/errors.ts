import { CeleryError, EncodeError, OperationalError } from "../../../errors.js";
import type { Failure } from "../dialect.js";

/** The server answered: the connection is fine, and only the statement was not. */
export const hasState = (error: unknown): boolean => {
  const { errno, sqlState, fatal } = error as { errno?: unknown; sqlState?: unknown; fatal?: unknown };
  return typeof errno === "number" && errno > 0 && typeof sqlState === "string" && sqlState !== "" && fatal !== true;
};

/** Numbers of MySQL's and MariaDB's errors that pass: locks, deadlocks, a server that is full, stopping or read-only. */
const PASSING: ReadonlySet<number> = new Set([
  ...[1020, 1040, 1042, 1043, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1213, 1226],
  ...[1290, 1317, 1792, 1836, 1927, 2006, 2013, 3024, 3058, 3572, 4031],
]);
/** A table or column that is not there, or one that is there already. */
const STALE: ReadonlySet<number> = new Set([1050, 1054, 1061, 1146, 1412, 1615, 1684, 4091]);
/** The value does not fit: too long, out of range, not in the column's character set, too large a packet. */
const UNFIT: ReadonlySet<number> = new Set([1153, 1264, 1301, 1366, 1406, 1300, 3988]);

const REMEDIES: Readonly<Record<number, string>> = {
  1044: "; grant the user the database",
  1045: "; check user and password",
  1049: "; create the database",
  1142: "; the user needs SELECT, INSERT, UPDATE and DELETE on the tables",
  1153: "; raise max_allowed_packet of the server",
  1366: "; convert the table to utf8mb4 (ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4)",
};

export function failure(cause: unknown, doing: string, shown: string): Failure {
  if (cause instanceof CeleryError) return { error: cause, stale: false };
  const { errno, message, code } = cause as { errno?: unknown; message?: unknown; code?: unknown };
  const number = typeof errno === "number" && errno > 0 ? errno : null;
  const reason =
    [message, code].filter((text) => typeof text === "string").find((text) => text !== "") ?? String(cause);
  const text = `${doing} in ${shown} failed: ${reason}${(number !== null && REMEDIES[number]) || ""}`;
  if (number !== null && UNFIT.has(number)) return { error: new EncodeError(text, { cause }), stale: false };
  const retriable = number === null ? !NOT_PASSING.test(`${String(code)} ${reason}`) : PASSING.has(number);
  return { error: new OperationalError(text, { cause, retriable }), stale: number !== null && STALE.has(number) };
}

/** Failures outside the server that will be the same the next time. */
const NOT_PASSING = /HANDSHAKE_NO_SSL|CERT|self.signed|AUTH_SWITCH|does not support/i;
