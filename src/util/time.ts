import { setTimeout as delay } from "node:timers/promises";

/** The only place that reads the clock or starts timers, so that tests can reason about time. */

/** Milliseconds since 1970. */
export const now = (): number => Date.now();

/** Seconds since 1970 as a float, as Celery writes timestamps. */
export const epochSeconds = (): number => Date.now() / 1000;

/** Milliseconds of a clock that never jumps. */
export const monotonic = (): number => performance.now();

/** Waits; rejects with the signal's reason when it aborts first. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal ? { signal } : undefined);
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

/** Node's timers overflow beyond this: longer waits are made in steps. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export interface Timer {
  cancel(): void;
}

/**
 * Calls `run` once after the given milliseconds (any length; Infinity never fires).
 * `unref` keeps the timer from holding the process open.
 */
export function after(milliseconds: number, run: () => void, options: { unref?: boolean } = {}): Timer {
  let handle: NodeJS.Timeout | undefined;
  const deadline = monotonic() + Math.max(0, milliseconds);
  const arm = (): void => {
    const left = deadline - monotonic();
    handle = setTimeout(
      () => {
        if (deadline - monotonic() > 0) arm();
        else run();
      },
      Math.min(Math.max(0, Math.ceil(left)), MAX_TIMER_MS),
    );
    if (options.unref) handle.unref();
  };
  if (milliseconds !== Infinity) arm();
  return { cancel: () => clearTimeout(handle) };
}

/** Calls `run` every so many milliseconds, without holding the process open. */
export function every(milliseconds: number, run: () => void): Timer {
  const handle = setInterval(run, milliseconds);
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/** Whole milliseconds of the machine's monotonic clock (since boot on Linux), rounded: Python's `round(time.monotonic() * 1000)`. */
export const sinceBoot = (): number => Math.round(Number(process.hrtime.bigint() / 1000n) / 1000);
