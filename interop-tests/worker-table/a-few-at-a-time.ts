/** Plays all rows, a few at a time; each has its own promise, in the order of the table. */
export function aFewAtATime<Row, Seen>(
  few: number,
  rows: readonly Row[],
  play: (row: Row) => Promise<Seen>,
): Map<Row, Promise<Seen>> {
  const played = new Map<Row, Promise<Seen>>();
  const running: Promise<unknown>[] = Array.from({ length: few }, () => Promise.resolve());
  for (const [at, row] of rows.entries()) {
    const one = (running[at % few] ?? Promise.resolve()).then(() => play(row));
    // Its test looks at the failure.
    running[at % few] = one.catch(() => undefined);
    played.set(row, one);
  }
  return played;
}
