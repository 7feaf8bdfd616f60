import { sleep } from "../util/time.js";

/** What the conformance suites need of a test runner: mocha, vitest, jest and node:test all have it. */
export interface Runner {
  readonly it: (title: string, test: () => Promise<void>) => unknown;
  readonly describe?: (title: string, body: () => void) => unknown;
}

/** The server under test can be taken away and brought back, on the same address. */
export interface ServerControl {
  /** Ends the server at once (SIGKILL); every connection breaks. */
  kill(): Promise<void>;
  /** Resolves when the server answers again. */
  start(): Promise<void>;
}

/** Longest that anything may take which is awaited by condition; only failures wait this long. */
export const PATIENCE_MS = 15_000;
/** How long nothing has to happen before the suite believes that nothing will. */
export const QUIET_MS = 150;

/** Waits for a condition; fails with `what` when it does not come true. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  patience: number = PATIENCE_MS,
): Promise<void> {
  let pause = 1;
  for (let waited = 0; !(await condition()); waited += pause, pause = Math.min(50, pause * 2)) {
    if (waited >= patience) throw new Error(`waited ${patience} ms for: ${typeof what === "string" ? what : what()}`);
    await sleep(pause);
  }
}

/** The promise, or an error that says what did not happen in time. */
export async function within<T>(what: string, promise: Promise<T>, patience: number = PATIENCE_MS): Promise<T> {
  const stop = new AbortController();
  const late = sleep(patience, stop.signal).then(
    () => Promise.reject(new Error(`waited ${patience} ms for: ${what}`)),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}

/**
 * Sockets, pipes, watchers, children and timers that would keep this process alive, counted by kind. Timers that only
 * maintain something do not count, as Node leaves out what was unref'ed.
 */
export function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Fails when more of anything is open than before, once it had the time to go away. */
export async function expectReleased(before: ReadonlyMap<string, number>): Promise<void> {
  const kinds = /^(TCP|TLS|Pipe|UDP|FSEvent|FSWatch|StatWatcher|Process|Timeout|Immediate|Worker|MessagePort)/;
  const left = (): string[] =>
    [...openResources()].filter(([kind, count]) => kinds.test(kind) && count > (before.get(kind) ?? 0)).map(String);
  // The pause of `until` is a timer itself, which is over whenever the condition is looked at.
  await until(
    () => `everything released after close, still open: ${left().join("; ")}`,
    () => left().length === 0,
    5000,
  );
}
