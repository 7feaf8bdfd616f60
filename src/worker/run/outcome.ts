import type { RetryOptions } from "../../client/task-context.js";
import type { SignatureDocument } from "../../protocol/signature.js";
import type { State } from "../../protocol/result.js";

/** How a handler ended. All that depends on the classes of its errors has been decided: this can cross to another thread. */
export type Outcome =
  | { readonly kind: "success"; readonly value: unknown }
  | Failure
  | RetryPlan
  | { readonly kind: "ignore" }
  | { readonly kind: "reject"; readonly requeue: boolean; readonly error: unknown; readonly traceback?: string }
  /** Another task goes on in its place. */
  | { readonly kind: "replace"; readonly signature: SignatureDocument };

export interface Failure {
  readonly kind: "failure";
  readonly error: unknown;
  /** Python's form of it, when the error was thrown elsewhere and lost its stack on the way here. */
  readonly traceback?: string;
  /** One of the task's `throws`. */
  readonly expected: boolean;
}

/** The next attempt. */
export interface RetryPlan {
  readonly kind: "retry";
  /** When, in milliseconds since 1970. */
  readonly eta: number;
  /** Seconds until then, or the moment, as it was asked for: for people. */
  readonly when: number | Date;
  /** What it differs in. */
  readonly changes: Omit<RetryOptions, "countdown" | "eta" | "maxRetries" | "cause">;
  /** Why, or undefined. */
  readonly cause: unknown;
  readonly traceback?: string;
}

const STATES: Readonly<Record<Outcome["kind"], State>> = {
  success: "SUCCESS",
  failure: "FAILURE",
  retry: "RETRY",
  ignore: "IGNORED",
  reject: "REJECTED",
  replace: "IGNORED",
};

/** The state that goes with it, as signal handlers see it. */
export const stateOf = (outcome: Outcome): State => STATES[outcome.kind];
