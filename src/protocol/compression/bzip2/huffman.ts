/** bzip2's own limit for what is written; readers take 20. */
const MAX_LENGTH = 17;

/** Code lengths of a Huffman code for these frequencies; every symbol has one, also those that do not occur. */
export function codeLengths(frequencies: readonly number[]): number[] {
  for (let weights = frequencies.map((f) => Math.max(1, f)); ; weights = weights.map((w) => (w >> 1) + 1)) {
    const lengths = treeDepths(weights);
    if (Math.max(...lengths) <= MAX_LENGTH) return lengths;
    // Flatter frequencies make a flatter tree.
  }
}

function treeDepths(weights: readonly number[]): number[] {
  interface Node {
    readonly weight: number;
    readonly leaves: readonly number[];
  }
  const depths = weights.map(() => 0);
  const nodes: Node[] = weights.map((weight, symbol) => ({ weight, leaves: [symbol] }));
  nodes.sort((a, b) => a.weight - b.weight);
  const merged: Node[] = [];
  // Two queues, both in order of weight: the smallest is always at one of the two fronts.
  const take = (): Node => {
    const [a, b] = [nodes[0], merged[0]];
    return (b === undefined || (a !== undefined && a.weight <= b.weight) ? nodes.shift() : merged.shift()) as Node;
  };
  while (nodes.length + merged.length > 1) {
    const [a, b] = [take(), take()];
    const leaves = [...a.leaves, ...b.leaves];
    for (const leaf of leaves) depths[leaf] = (depths[leaf] as number) + 1;
    merged.push({ weight: a.weight + b.weight, leaves });
  }
  return depths;
}

/** The canonical codes: by length, then by symbol. */
export function canonicalCodes(lengths: readonly number[]): number[] {
  const codes = lengths.map(() => 0);
  let code = 0;
  for (let length = 1; length <= 20; length++) {
    lengths.forEach((one, symbol) => {
      if (one === length) codes[symbol] = code++;
    });
    code <<= 1;
  }
  return codes;
}
