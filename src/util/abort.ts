/** What waits for a signal. All share one listener of it: thousands may, and Node warns from the eleventh on. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Runs the listener when the signal aborts (at once if it has); the returned function removes it. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => undefined;
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  // Its own function each time, so that the same listener given twice counts twice.
  const mine = (): void => listener();
  const listeners = listenersOf(signal).add(mine);
  return () => {
    listeners.delete(mine);
    if (listeners.size > 0 || waiting.get(signal) !== listeners) return;
    waiting.delete(signal);
    signal.removeEventListener("abort", release);
  };
}

function listenersOf(signal: AbortSignal): Set<() => void> {
  let listeners = waiting.get(signal);
  if (!listeners) {
    waiting.set(signal, (listeners = new Set()));
    signal.addEventListener("abort", release, { once: true });
  }
  return listeners;
}

function release(this: AbortSignal): void {
  const listeners = waiting.get(this);
  waiting.delete(this);
  for (const listener of listeners ?? []) listener();
}

/** The promise, or the signal's reason when it aborts first. The promise's own late rejection is not left unhandled. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const off = onAbort(signal, () => reject(signal.reason as Error));
    promise.then(resolve, reject).finally(off);
  });
}
