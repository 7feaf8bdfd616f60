import type { CeleryError } from "../errors.js";
import { OperationalError } from "../errors.js";

/** What calls after `close` reject with, and what ends the waiting of those still there. */
export const closedError = (): CeleryError =>
  new OperationalError("the result backend is closed; open a new one to go on reading results", { retriable: false });
