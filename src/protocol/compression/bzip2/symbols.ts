/** A block after move-to-front and run-length coding: what the Huffman codes carry. */
export interface Symbols {
  /** RUNA 0, RUNB 1, then positions, then the end of the block. */
  readonly list: Uint16Array;
  /** How many different symbols there are, the end of the block included. */
  readonly alphabet: number;
  /** Which bytes occur at all. */
  readonly used: readonly boolean[];
}

/** Bytes become their places in a list whose last used is first; runs of place 0 are counted in bijective base 2. */
export function toSymbols(last: Uint8Array): Symbols {
  const used = Array.from({ length: 256 }, () => false);
  for (const byte of last) used[byte] = true;
  const places = Uint8Array.from(used.flatMap((isUsed, byte) => (isUsed ? [byte] : [])));
  const end = places.length + 1;
  const list = new Uint16Array(last.length + 2);
  let length = 0;
  let run = 0;
  const flush = (): void => {
    for (; run > 0; run = (run - 1) >> 1) list[length++] = run & 1 ? 0 : 1;
  };
  for (const byte of last) {
    if (places[0] === byte) {
      run++;
      continue;
    }
    flush();
    const place = places.indexOf(byte);
    places.copyWithin(1, 0, place);
    places[0] = byte;
    list[length++] = place + 1;
  }
  flush();
  list[length++] = end;
  return { list: list.subarray(0, length), alphabet: end + 1, used };
}
