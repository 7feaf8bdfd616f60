/**
 * The Burrows-Wheeler transform: the last column of the sorted rotations, and the row of the unrotated block. Sorted
 * by prefix doubling: rotations ordered by their first k bytes give the order by 2k bytes in one counting sort, so
 * repeated content costs a few passes more and never quadratic time.
 */
export function blockSort(block: Uint8Array): { last: Uint8Array; origin: number } {
  const size = block.length;
  let order = sortBy(identity(size), (at) => block[at] as number, 256);
  let rank = new Int32Array(size);
  let classes = classify(order, rank, (at) => block[at] as number);
  for (let k = 1; k < size && classes < size; k *= 2) {
    const previous = rank;
    const first = (at: number): number => previous[at] as number;
    // Shifting the known order back by k orders by the second half; a stable sort by rank then orders by the first.
    const shifted = order.map((at) => (at < k ? at - k + size : at - k));
    order = sortBy(shifted, first, classes);
    rank = new Int32Array(size);
    classes = classify(
      order,
      rank,
      (at) => first(at) * size + (previous[at + k < size ? at + k : at + k - size] as number),
    );
  }
  const last = Uint8Array.from(order, (at) => block[at === 0 ? size - 1 : at - 1] as number);
  return { last, origin: order.indexOf(0) };
}

const identity = (size: number): Int32Array => Int32Array.from({ length: size }, (_, i) => i);

/** A stable counting sort of positions by keys below `keys`. */
function sortBy(positions: Int32Array, keyOf: (at: number) => number, keys: number): Int32Array {
  const starts = new Int32Array(keys + 1);
  for (const at of positions) starts[keyOf(at) + 1] = (starts[keyOf(at) + 1] as number) + 1;
  for (let key = 0; key < keys; key++) starts[key + 1] = (starts[key + 1] as number) + (starts[key] as number);
  const sorted = new Int32Array(positions.length);
  for (const at of positions) {
    const key = keyOf(at);
    const slot = starts[key] as number;
    starts[key] = slot + 1;
    sorted[slot] = at;
  }
  return sorted;
}

/** Numbers the positions by their order, equal keys alike; how many different ones there are. */
function classify(order: Int32Array, rank: Int32Array, keyOf: (at: number) => number): number {
  let classes = 0;
  let previous = -1;
  for (const at of order) {
    const key = keyOf(at);
    if (key !== previous) classes++;
    previous = key;
    rank[at] = classes - 1;
  }
  return classes;
}
