/**
 * The suites that every driver of this project passes, for those who write one of their own. They bring no test
 * runner: hand in the `it` of yours.
 */
export { brokerConformance } from "./broker-conformance.js";
export type { BrokerHarness } from "./broker-conformance.js";
export { backendConformance } from "./backend-conformance.js";
export type { BackendHarness } from "./backend-conformance.js";
export type { Runner, ServerControl } from "./harness.js";
