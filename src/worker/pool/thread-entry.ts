import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { workerData } from "node:worker_threads";
import type { PackedOutcome } from "./pack-outcome.js";
import type * as Thread from "./thread.js";
import type { Loaded, ThreadData, ThreadJob } from "./thread-messages.js";

/**
 * What each thread begins with. It imports nothing of the library by itself: piscina loads this file with `require`,
 * and what hangs on it would be another copy of the library than the one that the application's module imports.
 */
const thread = load(workerData as ThreadData);
// Whoever asks for it hears of it.
thread.catch(() => undefined);

async function load({ typescript }: ThreadData): Promise<typeof Thread> {
  if (typescript.length > 0) await registerTsx(typescript);
  // As text, so that no loader of CommonJS sees it.
  const url = new URL(`./thread${/\.[^.]+$/.exec(import.meta.url)?.[0] ?? ".js"}`, import.meta.url).href;
  return (await import(url)) as typeof Thread;
}

/** tsx registers itself in the main thread only (Node 20). */
async function registerTsx(from: readonly string[]): Promise<void> {
  for (const place of from) {
    let path: string;
    try {
      path = createRequire(place).resolve("tsx/esm/api");
    } catch {
      continue;
    }
    const { register } = (await import(pathToFileURL(path).href.replace(/\.cjs$/, ".mjs"))) as {
      register: () => unknown;
    };
    register();
    return;
  }
}

export default async function handle(job: ThreadJob): Promise<Loaded | PackedOutcome> {
  return (await thread).handle(job);
}
