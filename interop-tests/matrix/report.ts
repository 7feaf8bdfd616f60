/** Who calls whom; the last one is what Celery itself does with the same pair. */
export const directions = ["node-to-python", "python-to-node", "python-to-python"] as const;
export type Direction = (typeof directions)[number];
export const baseline: Direction = "python-to-python";

/** A call that did not do what it should. */
export interface Failure {
  /** Its name in `calls.ts`, or the part of the set-up that failed. */
  readonly call: string;
  /** One line: the error's own words. */
  readonly error: string;
}

/** What was tried in one direction over one pair: nothing failed, or this did. */
export type Cell = readonly Failure[];

export interface PairReport {
  readonly broker: string;
  readonly backend: string;
  readonly cells: Readonly<Record<Direction, Cell>>;
}

export type Program = readonly [name: string, version: string];

/** Everything the page says. */
export interface Report {
  /** The day of the run, such as `2026-01-31`. */
  readonly date: string;
  readonly minutes: number;
  /** Everything that took part, as each says itself. */
  readonly programs: Readonly<Record<"Node" | "Python" | "Servers", readonly Program[]>>;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly pairs: readonly PairReport[];
}

export type Mark =
  /** Everything did what it should. */
  | "works"
  /** It fails although Python to Python works: our fault. */
  | "fails"
  /** Celery itself cannot do it either. */
  | "impossible";

export function markOf({ cells }: PairReport, direction: Direction): Mark {
  if (cells[direction].length === 0) return "works";
  if (direction === baseline) return "impossible";
  return cells[baseline].length === 0 ? "fails" : "impossible";
}

/** A sentence for everything that fails although Celery can do it: when there is one, the run has failed. */
export const faults = ({ pairs }: Pick<Report, "pairs">): string[] =>
  pairs.flatMap((pair) =>
    directions
      .filter((direction) => markOf(pair, direction) === "fails")
      .map((direction) => `${pair.broker} with ${pair.backend}, ${direction}: ${inWords(pair.cells[direction])}`),
  );

/** The failures of a cell as one text. */
export const inWords = (cell: Cell): string => cell.map(({ call, error }) => `${call}: ${error}`).join("; ");
