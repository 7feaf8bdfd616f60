/**
 * The compatibility matrix: every broker with every result backend, in both directions and Celery with itself. Writes
 * docs/compatibility.md after a whole run. Exit code 1 when something fails that Celery can do; `--check` only compares
 * the page with the lists of drivers. Started by scripts/matrix.mjs, which prepares servers and Python.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { stopSharedServers } from "../servers/shared.js";
import { page, pagePath, problemsOf } from "./page.js";
import { columns, isWhole, rows, selectedColumns, selectedRows } from "./pairs.js";
import { tryPair } from "./pair.js";
import { directions, faults, inWords, markOf } from "./report.js";
import type { PairReport } from "./report.js";
import { nodePrograms, pythonPrograms, servers } from "./versions.js";

const path = fileURLToPath(new URL(`../../${pagePath}`, import.meta.url));
const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);

async function check(): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return problemsOf(text, names(rows), names(columns)).map((problem) => `${pagePath}: ${problem}; npm run matrix`);
}

async function run(): Promise<string[]> {
  const started = performance.now();
  const stray: string[] = [];
  // Nothing of ours may reject unseen: it is reported with the pair that runs then.
  process.on("unhandledRejection", (reason) => stray.push(`a rejection that nobody handled: ${String(reason)}`));
  try {
    const list = selectedRows.flatMap((broker) => selectedColumns.map((column) => ({ broker, column })));
    const took = await servers(list.flatMap(({ broker, column }) => [broker, column.over(broker)]));
    const pairs: PairReport[] = [];
    for (const { broker, column } of list) {
      const since = performance.now();
      const cells = await tryPair(broker, column.over(broker));
      const pair = { broker: broker.name, backend: column.name, cells };
      pairs.push(pair);
      show(pair, (performance.now() - since) / 1000);
    }
    const minutes = (performance.now() - started) / 60_000;
    console.log(`${pairs.length} pairs in ${minutes.toFixed(1)} minutes`);
    if (isWhole) {
      const report = {
        date: new Date().toISOString().slice(0, 10),
        minutes,
        programs: { Node: await nodePrograms(), Python: await pythonPrograms(), Servers: took },
        rows: names(rows),
        columns: names(columns),
        pairs,
      };
      const options = await resolveConfig(path);
      await writeFile(path, await format(page(report), { ...options, filepath: path }));
      console.log(`${pagePath} is written`);
    }
    return [...faults({ pairs }), ...stray];
  } finally {
    await stopSharedServers();
  }
}

const signs = { works: "✔", fails: "✘", impossible: "–" };

function show(pair: PairReport, seconds: number): void {
  const marks = directions.map((direction) => `${signs[markOf(pair, direction)]} ${direction}`);
  console.log(
    `${pair.broker.padEnd(12)} ${pair.backend.padEnd(12)} ${seconds.toFixed(1).padStart(5)} s  ${marks.join("  ")}`,
  );
  for (const direction of directions)
    if (pair.cells[direction].length > 0) console.log(`    ${direction}: ${inWords(pair.cells[direction])}`);
}

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
const problems = values.check ? await check() : await run();
for (const problem of problems) console.log(`✘ ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
// Everything is closed by now. What a failed pair left open must not hold this process.
setTimeout(() => process.exit(), 5000).unref();
