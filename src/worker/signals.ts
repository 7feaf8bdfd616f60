/** What signals can ask of a worker. */
export interface SignalTarget {
  warm(signal: NodeJS.Signals): void;
  /** `step` counts the calls: each goes a step further (1 cold, 2 without its wait, 3 hard). */
  cold(signal: NodeJS.Signals, step: number): void;
}

/**
 * Celery's ladder (celery/apps/worker.py): SIGTERM and the first SIGINT are warm, SIGQUIT and every further SIGINT cold.
 * Returns what takes the listeners off.
 */
export function trapSignals(target: SignalTarget, { remapSigterm }: { readonly remapSigterm?: "SIGQUIT" }): () => void {
  let interrupted = false;
  let step = 0;
  const cold = (signal: NodeJS.Signals): void => target.cold(signal, ++step);
  const listeners = {
    SIGTERM: (signal: NodeJS.Signals) => (remapSigterm ? cold(signal) : target.warm(signal)),
    SIGQUIT: cold,
    SIGINT: (signal: NodeJS.Signals) => {
      // After a cold shutdown began otherwise, Ctrl+C only means more of it.
      if (interrupted || step > 0) cold(signal);
      else target.warm(signal);
      interrupted = true;
    },
  } as const;
  for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of Object.entries(listeners)) process.off(signal, listener);
  };
}
