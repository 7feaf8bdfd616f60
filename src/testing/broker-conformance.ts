import { consumingTests } from "./broker/consuming.js";
import { messageTests } from "./broker/messages.js";
import { restartTests } from "./broker/restarting.js";
import { routingTests } from "./broker/routing.js";
import { defineWith } from "./broker/scene.js";
import type { BrokerHarness } from "./broker/scene.js";

export type { BrokerHarness };

/**
 * Registers the tests that every broker driver has to pass: what its `capabilities` claim must work, what they do not
 * claim must be refused with `NotSupported`. Any runner with an `it` will do; tests do not depend on each other, except
 * that those which restart the server come last.
 */
export function brokerConformance(harness: BrokerHarness): void {
  const section = (title: string, body: () => void): void => {
    if (harness.describe) harness.describe(title, body);
    else body();
  };
  const define = defineWith(harness);
  section("messages", () => messageTests(define));
  section("consuming", () => consumingTests(define, harness));
  section("routing", () => routingTests(define));
  const { restart } = harness;
  if (restart) section("restart", () => restartTests(define, harness, restart));
}
