/**
 * `npm run interop:containers`: Redis, RabbitMQ and a Python worker in containers, both directions, brokers restarted.
 * Takes the Docker engine that answers; as root on Debian it may install one and run it for the time of the tests.
 * Takes official images; where no registry answers it builds the same from Debian's packages. The last line is
 * `N passed, N failed, N skipped`. With `--if-available`, and unless `CI` is set, nothing is installed and a machine
 * without an engine counts as one skipped test.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineMissing, ensureEngine, removeRun } from "./containers/engine.mjs";
import { ensureBaseImages, ensureWorkerImage } from "./containers/images.mjs";
import { ensurePackages } from "./testing/setup.mjs";
import { newestCelery } from "../interop-tests/python/venvs.mjs";
import { runLabel } from "../interop-tests/servers/images.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, ".cache");
const runName = `celeriac-${randomBytes(4).toString("hex")}`;
/** A run takes about two minutes; one that hangs is ended after this many seconds. */
const testSeconds = 600;

const optional = process.argv.includes("--if-available") && !process.env.CI;
/** `npm test` names a file for the totals; else a temporary one serves. */
const totalsFolder = process.env.CELERIAC_TOTALS ? undefined : await mkdtemp(join(tmpdir(), "celeriac-totals-"));
const totalsFile = process.env.CELERIAC_TOTALS ?? join(totalsFolder, "totals.json");
const nothing = { passed: 0, failed: 0, skipped: 0 };

const started = Date.now();
const log = (text) => console.log(`[${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s] ${text}`);

let engine;
let tests;
let cleaning;
/** Once, whoever asks first: the end of the run, or a signal. */
function cleanUp() {
  cleaning ??= (async () => {
    await endTests();
    if (totalsFolder) await rm(totalsFolder, { recursive: true, force: true });
    if (!engine) return;
    if (!engine.own) {
      const env = { ...process.env, ...engine.env };
      await removeRun({ label: `${runLabel}=${runName}`, networkPrefix: runName, env }).catch((error) =>
        console.error(`containers of this run may be left: ${error.message}`),
      );
    }
    await engine.stop();
  })();
  return cleaning;
}
for (const [signal, number] of [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGTERM", 15],
])
  process.on(signal, () => void cleanUp().finally(() => process.exit(128 + number)));

async function main() {
  await ensurePackages();
  engine = await ensureEngine({ cache, mayInstall: !optional, log });
  if (!engine.own) log(`Docker engine ${engine.version} answers`);
  const env = { ...process.env, ...engine.env };
  await ensureBaseImages({ env, log });
  await ensureWorkerImage({ version: newestCelery, root, cache, env, log });
  log("running the tests");
  return runTests(env);
}

/** Mocha runs its tests in a child of its own, so the whole group is ended. */
async function endTests() {
  if (!tests || tests.over) return;
  const send = (signal) => {
    try {
      process.kill(-tests.child.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  };
  send("SIGTERM");
  const late = setTimeout(() => send("SIGKILL"), 5000);
  await tests.ended;
  clearTimeout(late);
  send("SIGKILL");
}

/** Runs mocha in a process group of its own; resolves to its totals. */
async function runTests(env) {
  const reporter = join(root, "scripts/testing/mocha-reporter.mjs");
  const args = ["--reporter", reporter, "interop-tests/containers/**/*.test.ts"];
  const child = spawn(process.execPath, [join(root, "node_modules/mocha/bin/mocha.js"), ...args], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    // What testcontainers would do with one more container (Ryuk), cleanUp does.
    env: {
      ...env,
      CELERIAC_RUN: runName,
      CELERIAC_SERVERS: "containers",
      CELERIAC_TOTALS: totalsFile,
      TESTCONTAINERS_RYUK_DISABLED: "true",
    },
  });
  const ended = new Promise((resolve) => {
    child.on("error", () => resolve(1));
    child.on("close", resolve);
  });
  tests = { child, ended, over: false };
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    void endTests();
  }, testSeconds * 1000);
  const code = await ended;
  tests.over = true;
  clearTimeout(timer);
  if (hung) console.error(`the tests did not end within ${testSeconds} s`);
  const counted = await readFile(totalsFile, "utf8").then(JSON.parse, () => ({ ...nothing }));
  // A run that ended with an error although every test passed has failed as well.
  if (code !== 0 && counted.failed === 0) counted.failed = 1;
  return counted;
}

let totals;
try {
  totals = await main();
} catch (error) {
  const skip = error instanceof EngineMissing && optional;
  console.error(skip ? `    skipped: ${error.message}` : error instanceof EngineMissing ? error.message : error);
  totals = { ...nothing, [skip ? "skipped" : "failed"]: 1 };
}
try {
  await cleanUp();
} catch (error) {
  console.error(error);
  totals.failed++;
}
if (process.env.CI && totals.skipped > 0) {
  console.error("with CI set, a skipped test is a failed one");
  totals = { ...totals, failed: totals.failed + totals.skipped, skipped: 0 };
}
if (!totalsFolder) await writeFile(totalsFile, JSON.stringify(totals));
log("done");
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed + totals.skipped === 0 ? 1 : 0;
