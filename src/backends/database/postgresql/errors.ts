import { CeleryError, EncodeError, OperationalError } from "../../../errors.js";
import type { Failure } from "../dialect.js";

/** Conditions of the server that pass: it is starting, stopping, full, read-only after a failover, or chose a victim. */
const PASSING = /^(?:08|53|57P|40|55P03|57014|25006|58)/;
/** The tables are not what they were, or are being made by another process this very moment. */
const STALE = /^(?:42P01|42703|42P07|42710|23505|42P10|XX000)$/;
/** The value does not fit. */
const UNFIT = /^(?:22001|22021|22P05|54000)$/;

const REMEDIES: Readonly<Record<string, string>> = {
  "28P01": "; check user and password",
  "28000": "; check the user and pg_hba.conf",
  "3D000": "; create the database",
  "42501": "; the user needs SELECT, INSERT, UPDATE and DELETE on the tables, USAGE on the sequences",
};

/** pg's errors in our words. Errors of the connection have no state of SQL. */
export function failure(cause: unknown, doing: string, shown: string): Failure {
  if (cause instanceof CeleryError) return { error: cause, stale: false };
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const state = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : null;
  const reason = reasonOf(cause, typeof message === "string" ? message : String(cause));
  const text = `${doing} in ${shown} failed: ${reason}${(state && REMEDIES[state]) ?? ""}`;
  if (state !== null && UNFIT.test(state)) return { error: new EncodeError(text, { cause }), stale: false };
  const retriable = state === null ? !NOT_PASSING.test(reason) : PASSING.test(state);
  return { error: new OperationalError(text, { cause, retriable }), stale: state !== null && STALE.test(state) };
}

/** Failures without a state that will be the same the next time. */
const NOT_PASSING = /does not support SSL|certificate|SASL|password must be|self.signed|invalid.*(?:port|host)/i;

/** Node joins what went wrong with each address of a host into one error without a message. */
function reasonOf(cause: unknown, message: string): string {
  if (message !== "" || !(cause instanceof AggregateError)) return message;
  return cause.errors.map((one) => (one instanceof Error ? one.message : String(one))).join("; ");
}
