import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Difference } from "./row.js";
import type { Sighting } from "./sighting.js";

const differences = readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");

/**
 * Throws unless ours did as Python, but for the named differences: each of them must be one, and stand in
 * docs/differences.md.
 */
export function compare(python: Sighting, ours: Sighting, named: readonly Difference[], broker: string): void {
  const differs = named.filter(({ on = broker }) => on === broker);
  let expected = python;
  for (const { line, ours: change } of differs) {
    assert.ok(differences.includes(`- **${line}`), `docs/differences.md has no line that begins with "${line}"`);
    const changed = change(expected);
    assert.notDeepEqual(changed, expected, `there is no such difference any more: "${line}"`);
    expected = changed;
  }
  if (differs.length > 0)
    assert.notDeepEqual(ours, python, `nothing differs any more, for all that "${differs[0]?.line}" says`);
  // What a broker does not show, it shows of neither.
  if (python.settled === "gone") expected = { ...expected, settled: "gone" };
  const parts = Object.keys(python) as (keyof Sighting)[];
  const report = parts.flatMap((part) => difference(part, [expected[part]].flat(), [ours[part]].flat()));
  if (report.length > 0) assert.fail(`ours (+) differs from Python (-):\n${report.join("\n")}`);
}

/** The lines of both, in order, those that only one has marked. */
function difference(part: string, python: readonly string[], ours: readonly string[]): string[] {
  if (python.join("\n") === ours.join("\n")) return [];
  const common = longestCommon(python, ours);
  const lines: string[] = [`  ${part}:`];
  let [p, o] = [0, 0];
  for (const line of [...common, null]) {
    while (p < python.length && python[p] !== line) lines.push(`  - ${python[p++]}`);
    while (o < ours.length && ours[o] !== line) lines.push(`  + ${ours[o++]}`);
    if (line !== null) lines.push(`    ${line}`);
    p++;
    o++;
  }
  return lines;
}

function longestCommon(one: readonly string[], two: readonly string[]): string[] {
  const [first, ...rest] = one;
  if (first === undefined || two.length === 0) return [];
  const at = two.indexOf(first);
  const without = longestCommon(rest, two);
  if (at < 0) return without;
  const with_ = [first, ...longestCommon(rest, two.slice(at + 1))];
  return with_.length > without.length ? with_ : without;
}
