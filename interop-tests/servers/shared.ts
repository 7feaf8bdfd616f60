import type { Context } from "mocha";
import { startServer, ServerMissing } from "./index.js";
import type { Server, ServerKind } from "./index.js";

/**
 * One server of each kind for all tests of a mocha run, started when first asked for and stopped after the last test.
 * Tests that end or restart a server start their own with `startServer`.
 */
const shared = new Map<ServerKind, Promise<Server>>();

export function sharedServer(kind: ServerKind): Promise<Server> {
  let server = shared.get(kind);
  if (!server) {
    server = startServer(kind);
    server.catch(() => undefined);
    shared.set(kind, server);
  }
  return server;
}

/**
 * Inside a `before` hook or a test: the server, or the end of it: a server that is missing skips on a laptop, with the
 * reason printed, and fails when `CI` is set.
 */
export function need(context: Context, start: () => Promise<Server>): Promise<Server> {
  return start().catch((error: unknown) => {
    if (!(error instanceof ServerMissing) || process.env.CI) throw error;
    console.log(`      skipped: ${error.message}`);
    return context.skip();
  });
}

export const needShared = (context: Context, kind: ServerKind): Promise<Server> =>
  need(context, () => sharedServer(kind));

/** Ends what `sharedServer` started. Programs other than mocha call it at their end. */
export async function stopSharedServers(): Promise<void> {
  const servers = await Promise.allSettled([...shared.values()]);
  shared.clear();
  await Promise.all(servers.map(async (one) => one.status === "fulfilled" && one.value.stop()));
}

// This file is loaded while mocha reads the test files, so the hook belongs to the root suite: after everything.
if ("after" in globalThis)
  after("stop the shared servers", async function () {
    this.timeout(60_000);
    await stopSharedServers();
  });
