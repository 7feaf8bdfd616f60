import { BitWriter } from "./bit-writer.js";
import { blockSort } from "./block-sort.js";
import { crcOf } from "./crc.js";
import { canonicalCodes, codeLengths } from "./huffman.js";
import { toSymbols, type Symbols } from "./symbols.js";

/** Level 9: blocks of 900,000 bytes after the first run-length coding, less the reserve that bzip2 keeps. */
const BLOCK_SIZE = 900_000 - 19;
/** A table of codes is chosen anew for every fifty symbols. */
const GROUP = 50;
const REFINEMENTS = 4;

/** A complete bzip2 stream that every reader takes, Python's `bz2.decompress` included. */
export function encodeBzip2(bytes: Uint8Array): Uint8Array {
  const out = new BitWriter();
  for (const char of "BZh9") out.write(char.charCodeAt(0), 8);
  let combined = 0;
  for (const { block, source } of blocksOf(bytes)) {
    const crc = crcOf(source);
    combined = (((combined << 1) | (combined >>> 31)) ^ crc) >>> 0;
    writeBlock(out, block, crc);
  }
  magic(out, 0x177245, 0x385090);
  out.write32(combined);
  return out.finish();
}

function magic(out: BitWriter, high: number, low: number): void {
  out.write(high, 24);
  out.write(low, 24);
}

/** The first run-length coding: four equal bytes are followed by how many more of them there are. */
function* blocksOf(bytes: Uint8Array): Iterable<{ block: Uint8Array; source: Uint8Array }> {
  const block = new Uint8Array(Math.min(BLOCK_SIZE, Math.ceil(bytes.length * 1.25)) + 5);
  for (let at = 0; at < bytes.length;) {
    const start = at;
    let length = 0;
    while (at < bytes.length && length < BLOCK_SIZE - 5) {
      const byte = bytes[at] as number;
      let run = 1;
      while (run < 255 && bytes[at + run] === byte) run++;
      at += run;
      for (let i = 0; i < Math.min(run, 4); i++) block[length++] = byte;
      if (run >= 4) block[length++] = run - 4;
    }
    yield { block: block.subarray(0, length), source: bytes.subarray(start, at) };
  }
}

function writeBlock(out: BitWriter, block: Uint8Array, crc: number): void {
  const { last, origin } = blockSort(block);
  const symbols = toSymbols(last);
  magic(out, 0x314159, 0x265359);
  out.write32(crc);
  out.write(0, 1);
  out.write(origin, 24);
  writeUsed(out, symbols.used);
  const tables = chooseTables(symbols);
  writeTables(out, tables);
  const codes = tables.lengths.map(canonicalCodes);
  symbols.list.forEach((symbol, i) => {
    const table = tables.selectors[Math.floor(i / GROUP)] as number;
    out.write((codes[table] as number[])[symbol] as number, (tables.lengths[table] as number[])[symbol] as number);
  });
}

function writeUsed(out: BitWriter, used: readonly boolean[]): void {
  const rows = Array.from({ length: 16 }, (_, row) => used.slice(row * 16, row * 16 + 16));
  const bits = (flags: readonly boolean[]): number => flags.reduce((sum, flag) => sum * 2 + (flag ? 1 : 0), 0);
  out.write(bits(rows.map((row) => row.includes(true))), 16);
  for (const row of rows) if (row.includes(true)) out.write(bits(row), 16);
}

interface Tables {
  /** Code lengths of each table. */
  readonly lengths: readonly (readonly number[])[];
  /** The table of each group of fifty symbols. */
  readonly selectors: readonly number[];
}

/** Starts with tables for ranges of symbols, then lets each group choose the cheapest and refits the tables. */
function chooseTables({ list, alphabet }: Symbols): Tables {
  const count = list.length < 200 ? 2 : list.length < 600 ? 3 : list.length < 1200 ? 4 : list.length < 2400 ? 5 : 6;
  let lengths: number[][] = Array.from({ length: count }, (_, table) =>
    Array.from({ length: alphabet }, (_unused, symbol) => (Math.floor((symbol * count) / alphabet) === table ? 1 : 15)),
  );
  let selectors: number[] = [];
  for (let round = 0; round < REFINEMENTS; round++) {
    const frequencies = lengths.map(() => Array.from({ length: alphabet }, () => 0));
    selectors = [];
    for (let at = 0; at < list.length; at += GROUP) {
      const group = list.subarray(at, at + GROUP);
      const costs = lengths.map((table) => group.reduce((sum, symbol) => sum + (table[symbol] as number), 0));
      const best = costs.indexOf(Math.min(...costs));
      selectors.push(best);
      const chosen = frequencies[best] as number[];
      for (const symbol of group) chosen[symbol] = (chosen[symbol] as number) + 1;
    }
    lengths = frequencies.map(codeLengths);
  }
  return { lengths, selectors };
}

function writeTables(out: BitWriter, { lengths, selectors }: Tables): void {
  out.write(lengths.length, 3);
  out.write(selectors.length, 15);
  const places = lengths.map((_, table) => table);
  for (const selector of selectors) {
    const place = places.indexOf(selector);
    for (let i = 0; i < place; i++) out.write(1, 1);
    out.write(0, 1);
    places.splice(place, 1);
    places.unshift(selector);
  }
  for (const table of lengths) {
    let current = table[0] as number;
    out.write(current, 5);
    for (const length of table) {
      for (; current < length; current++) out.write(0b10, 2);
      for (; current > length; current--) out.write(0b11, 2);
      out.write(0, 1);
    }
  }
}
