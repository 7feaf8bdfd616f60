import type { SignatureDocument } from "../../protocol/signature.js";
import type { Outcome, RetryPlan } from "../run/outcome.js";
import { type PackedError, packError, unpackError } from "./pack-error.js";
import { packValue, unpackValue } from "./pack-value.js";

/** An outcome on its way out of a thread. */
export type PackedOutcome =
  /** Null: it cannot be written, and nobody reads it. */
  | { readonly kind: "success"; readonly value: Uint8Array | null }
  | { readonly kind: "failure"; readonly error: PackedError; readonly expected: boolean }
  | {
      readonly kind: "retry";
      readonly eta: number;
      readonly when: number | Date;
      readonly changes: Uint8Array;
      readonly cause: PackedError | null;
      readonly traceback: string | null;
    }
  | { readonly kind: "ignore" }
  | { readonly kind: "reject"; readonly requeue: boolean; readonly error: PackedError }
  | { readonly kind: "replace"; readonly signature: Uint8Array };

/** What is sent next is written by its own serializer later on. This one can carry all that any of them can. */
const TASKS = "pickle";

/** Never throws: what cannot be written is the task's failure, as it is where nothing crosses. */
export function packOutcome(outcome: Outcome, wanted: boolean, resultSerializer: string): PackedOutcome {
  try {
    return pack(outcome, resultSerializer);
  } catch (error) {
    if (outcome.kind === "success" && !wanted) return { kind: "success", value: null };
    return failure(error);
  }
}

export const failure = (error: unknown): PackedOutcome => ({
  kind: "failure",
  error: packError(error),
  expected: false,
});

function pack(outcome: Outcome, resultSerializer: string): PackedOutcome {
  switch (outcome.kind) {
    case "success":
      return { kind: "success", value: packValue(outcome.value, resultSerializer) };
    case "failure":
      return { kind: "failure", error: withTraceback(outcome), expected: outcome.expected };
    case "retry": {
      const { eta, changes, cause } = outcome;
      // A clone of a subclass of Date would be none.
      const when = outcome.when instanceof Date ? new Date(outcome.when.getTime()) : outcome.when;
      const error = cause === undefined ? null : packError(cause);
      const traceback = outcome.traceback ?? error?.traceback ?? null;
      return { kind: "retry", eta, when, changes: packValue(changes, TASKS), cause: error, traceback };
    }
    case "ignore":
      return { kind: "ignore" };
    case "reject":
      return { kind: "reject", requeue: outcome.requeue, error: withTraceback(outcome) };
    case "replace":
      return { kind: "replace", signature: packValue(outcome.signature, TASKS) };
  }
}

function withTraceback({ error, traceback }: { readonly error: unknown; readonly traceback?: string }): PackedError {
  const packed = packError(error);
  return traceback === undefined ? packed : { ...packed, traceback };
}

/** Throws `DecodeError` for a value that can be written and not read again (nested deeper than any reader goes). */
export function unpackOutcome(packed: PackedOutcome, resultSerializer: string): Outcome {
  switch (packed.kind) {
    case "success":
      return { kind: "success", value: packed.value === null ? null : unpackValue(packed.value, resultSerializer) };
    case "failure":
      return { kind: "failure", ...unpacked(packed.error), expected: packed.expected };
    case "retry": {
      const { eta, when, cause, traceback } = packed;
      const changes = unpackValue(packed.changes, TASKS) as RetryPlan["changes"];
      const error = cause === null ? undefined : unpackError(cause);
      return { kind: "retry", eta, when, changes, cause: error, ...(traceback !== null && { traceback }) };
    }
    case "ignore":
      return { kind: "ignore" };
    case "reject":
      return { kind: "reject", requeue: packed.requeue, ...unpacked(packed.error) };
    case "replace":
      return { kind: "replace", signature: unpackValue(packed.signature, TASKS) as SignatureDocument };
  }
}

const unpacked = (error: PackedError): { error: unknown; traceback: string } => ({
  error: unpackError(error),
  traceback: error.traceback,
});
