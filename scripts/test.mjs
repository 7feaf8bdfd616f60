/**
 * `npm test`: everything, from a fresh clone, with only Node and Python 3 present.
 *
 *   npm test                          all steps
 *   npm test -- --only unit,lint      these steps alone
 *   npm test -- --skip interop        all but these
 *   npm test -- --list                their names
 *   npm test -- --live                all output as it comes
 *
 * The last line is always `N passed, N failed, N skipped`; the exit code is 0 only when nothing failed.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { endAll, runStep } from "./testing/run.mjs";
import { ensurePackages, ensurePython, ensureServers } from "./testing/setup.mjs";
import { steps } from "./testing/steps.mjs";

const totals = { passed: 0, failed: 0, skipped: 0 };

/** The asked-for steps; a name that is unknown ends the run with the list of known ones. */
function chosen({ only, skip }) {
  const names = (text) => (text ? text.split(",").map((name) => name.trim()) : []);
  const known = new Set(steps.flatMap(({ name, groups = [] }) => [name, ...groups]));
  const unknown = [...names(only), ...names(skip)].filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`unknown step ${unknown.join(", ")}; known are ${[...known].join(", ")}`);
  const matches = (list) => (step) => list.includes(step.name) || step.groups?.some((group) => list.includes(group));
  const list = steps.filter((step) => (!only || matches(names(only))(step)) && !matches(names(skip))(step));
  const builds = list.some((step) => step.needs?.includes("build"));
  return steps.filter((step) => list.includes(step) || (builds && step.name === "build"));
}

/** Prepares what the steps need. A missing server is told at once: tests skip it, or fail when CI is set. */
async function prepare(list) {
  const needs = new Set(list.flatMap((step) => step.needs ?? []));
  await ensurePackages();
  const servers = needs.has("servers") ? ensureServers() : [];
  const python = needs.has("python") ? ensurePython() : undefined;
  // Both to their end, whichever fails: an installation is not left half done.
  const [sentences, ready] = await Promise.allSettled([servers, python]);
  for (const { reason } of [sentences, ready]) if (reason) throw reason;
  for (const sentence of sentences.value) console.log(`  ${sentence}`);
}

function report({ name, passed, failed, skipped, seconds, output, notes, slow = [] }, shown) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  if (failed > 0 && !shown) console.log(`\n----- ${name}\n${output.trimEnd()}\n-----`);
  const counts = [`${passed} passed`, failed && `${failed} failed`, skipped && `${skipped} skipped`].filter(Boolean);
  console.log(`${failed > 0 ? "✘" : "✔"} ${name.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s  ${counts.join(", ")}`);
  for (const note of notes) console.log(`    ${note}`);
  for (const reason of new Set(output.match(/^\s+skipped: .*$/gm))) if (!shown) console.log(`    ${reason.trim()}`);
  for (const [ms, title] of slow) if (ms > 10_000) console.log(`    slow: ${(ms / 1000).toFixed(1)} s ${title}`);
}

/** Calm steps two at a time; the others one by one, since they measure time and start servers. */
async function run(list, live) {
  const [first, ...others] = list;
  if (first?.name === "build") {
    report(await runStep(first, false), false);
    return run(others, live);
  }
  const calm = list.filter((step) => step.calm);
  const lane = async () => {
    for (let step = calm.shift(); step; step = calm.shift()) report(await runStep(step, false), false);
  };
  await Promise.all([lane(), lane()]);
  for (const step of list.filter((one) => !one.calm)) {
    console.log(`… ${step.name}`);
    report(await runStep(step, live), live);
  }
}

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
])
  process.on(signal, () => {
    endAll();
    setTimeout(() => process.exit(code), 3000);
  });

try {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      skip: { type: "string" },
      list: { type: "boolean" },
      live: { type: "boolean" },
    },
  });
  const list = chosen(values);
  if (values.list) {
    console.log(list.map(({ name }) => name).join("\n"));
    process.exit(0);
  } else {
    const started = performance.now();
    await prepare(list);
    await run(list, values.live ?? false);
    console.log(`in ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  }
} catch (error) {
  totals.failed++;
  console.log(error instanceof Error ? error.message : error);
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;
