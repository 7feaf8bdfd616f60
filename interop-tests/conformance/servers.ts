import type { ServerControl } from "../../src/testing/harness.js";
import { variableOf } from "../servers/index.js";
import type { Server, ServerKind } from "../servers/index.js";

/** A server that the environment names is not ended: tests that do so are left out. */
export const isOurs = (kind: ServerKind): boolean =>
  process.env.CELERIAC_SERVERS !== "env" && !process.env[variableOf(kind)];

/** The server that a suite may take away, known only when its tests run. */
export function serverControl(current: () => Server | undefined): ServerControl {
  const server = (): Server => {
    const known = current();
    if (!known) throw new Error("the server was not started");
    return known;
  };
  return { kill: () => server().kill(), start: () => server().restart() };
}
