import { ImproperlyConfigured } from "../errors.js";

/** The error for a name that is not known, with the one that was probably meant. */
export function unknownName(what: string, name: string, known: readonly string[]): ImproperlyConfigured {
  const wanted = canonical(name);
  const [near] = known
    .map((one) => [one, distance(canonical(one), wanted)] as const)
    .filter(([, edits]) => edits <= Math.min(3, wanted.length / 2))
    .reduce<readonly [string | undefined, number]>(
      (best, one) => (one[1] < best[1] ? one : best),
      [undefined, Infinity],
    );
  return new ImproperlyConfigured(
    `unknown ${what} ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : `; known are ${known.join(", ")}`}`,
  );
}

const canonical = (name: string): string => name.replaceAll("_", "").toLowerCase();

/** Edit distance, for suggestions only: names are short. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
