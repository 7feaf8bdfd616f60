const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** The first signal asks for a warm shutdown, any further one for a forced one. Returns what takes the listeners off. */
export function trapSignals(shutdown: (force: boolean) => void): () => void {
  let seen = 0;
  const onSignal = (): void => shutdown(seen++ > 0);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}
