/** What signals can ask of a worker. */
export interface SignalTarget {
  warm(): void;
  /** Each further call goes a step further. */
  cold(): void;
}

/**
 * Celery's ladder (celery/apps/worker.py): SIGTERM and the first SIGINT are warm, SIGQUIT and every further SIGINT cold.
 * Returns what takes the listeners off.
 */
export function trapSignals(target: SignalTarget, { remapSigterm }: { readonly remapSigterm?: "SIGQUIT" }): () => void {
  let interrupted = false;
  const listeners = {
    SIGTERM: () => (remapSigterm ? target.cold() : target.warm()),
    SIGQUIT: () => target.cold(),
    SIGINT: () => {
      if (interrupted) target.cold();
      else target.warm();
      interrupted = true;
    },
  } as const;
  for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of Object.entries(listeners)) process.off(signal, listener);
  };
}
