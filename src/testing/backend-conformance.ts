import { restartTests } from "./backend/restarting.js";
import { defineWith } from "./backend/scene.js";
import type { BackendHarness } from "./backend/scene.js";
import { storingTests } from "./backend/storing.js";
import { waitingTests } from "./backend/waiting.js";

export type { BackendHarness };

/**
 * Registers the tests that every result backend has to pass: what its `capabilities` claim must work, what they do
 * not claim must be refused with `NotSupported`. Any runner with an `it` will do; tests do not depend on each other,
 * except that those which restart the server come last.
 */
export function backendConformance(harness: BackendHarness): void {
  const section = (title: string, body: () => void): void => {
    if (harness.describe) harness.describe(title, body);
    else body();
  };
  const define = defineWith(harness);
  section("storing", () => storingTests(define, harness));
  section("waiting", () => waitingTests(define, harness));
  const { restart } = harness;
  if (restart) section("restart", () => restartTests(define, harness, restart));
}
