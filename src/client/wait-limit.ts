import { TimeoutError } from "../errors.js";
import { onAbort } from "../util/abort.js";
import { after } from "../util/time.js";
import type { GetOptions } from "./types.js";

/** What ends a wait for a task before it has ended: the caller's signal or timeout, as one signal. */
export interface WaitLimit {
  readonly signal: AbortSignal | undefined;
  /** Lets go of the timer and of the caller's signal. */
  end(): void;
}

/** Without timeout and signal there is no limit. The signal's reason is the caller's, or a `TimeoutError`. */
export function waitLimit(taskId: string, { timeout, signal }: GetOptions): WaitLimit {
  if (!timeout && !signal) return { signal: undefined, end: () => undefined };
  const ends = new AbortController();
  const off = onAbort(signal, () => ends.abort(signal?.reason));
  const timer = timeout
    ? after(timeout * 1000, () => ends.abort(new TimeoutError(`task ${taskId} had no result after ${timeout} s`)))
    : undefined;
  const end = (): void => {
    timer?.cancel();
    off();
  };
  return { signal: ends.signal, end };
}
