import type { Contest, Contestant } from "./contests.js";
import type { Figures } from "./contestants/measure.js";
import { verdict } from "./memory.js";

/** Lets the contestants take turns, and prints medians and ratios. */
export async function compare(contest: Contest, rounds: number): Promise<void> {
  const results = new Map<string, Figures[]>(contest.contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const contestant of turn(contest.contestants, round))
      results.get(contestant.name)!.push(await contestant.run());
  console.log(`\n${contest.name}: ${contest.title} (medians of ${rounds} rounds)`);
  console.log(`  ${"".padEnd(30)} ${"messages/s".padStart(11)} ${"CPU us/msg".padStart(11)} ${"peak MiB".padStart(9)}`);
  for (const [name, figures] of results)
    console.log(
      `  ${name.padEnd(30)} ${fixed(rate(figures))} ${fixed(median(figures.map((one) => (one.cpuSeconds / one.messages) * 1e6)))} ${fixed(median(figures.map((one) => one.peakMiB)), 9)}`,
    );
  const ours = rate(results.get("celeriac")!);
  for (const { against, atLeast } of contest.targets) {
    const best = Math.max(...against.map((name) => rate(results.get(name)!)));
    const ratio = ours / best;
    console.log(
      `  ${verdict(ratio >= atLeast)} ${ratio.toFixed(2)} x ${against.length > 1 ? "the best of the others" : against[0]} (wanted >= ${atLeast})`,
    );
  }
}

/** Each round starts with another contestant: nobody always runs on the coolest machine. */
const turn = (list: readonly Contestant[], round: number): Contestant[] => {
  const first = round % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
};

const rate = (figures: readonly Figures[]): number => median(figures.map((one) => one.messages / one.seconds));
const fixed = (value: number, width = 11): string => value.toFixed(0).padStart(width);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
