/**
 * `npm run interop:containers`: Redis, RabbitMQ and a Python worker in containers, both directions, brokers restarted.
 * Takes the Docker engine that answers; as root on Debian it may install one and run it for the time of the tests.
 * Takes official images; where no registry answers it builds the same from Debian's packages. The last line is
 * `N passed, N failed, N skipped`. With `--if-available` a machine without any engine counts as one skipped test,
 * unless `CI` is set.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineMissing, ensureEngine, removeRun } from "./containers/engine.mjs";
import { ensureBaseImages, ensureWorkerImage } from "./containers/images.mjs";
import { must } from "./containers/run.mjs";
import { newestCelery } from "../interop-tests/python/venvs.mjs";
import { runLabel } from "../interop-tests/servers/images.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, ".cache");
const runName = `celeriac-${randomBytes(4).toString("hex")}`;
/** A run takes about two minutes; one that hangs is ended after this many seconds. */
const testSeconds = 600;

const started = Date.now();
const log = (text) => console.log(`[${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s] ${text}`);

let engine;
let tests;
let cleaning;
/** Once, whoever asks first: the end of the run, or a signal. */
function cleanUp() {
  cleaning ??= (async () => {
    tests?.kill("SIGKILL");
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
  const installed = await access(join(root, "node_modules", "mocha")).then(
    () => true,
    () => false,
  );
  if (!installed) {
    log("installing the packages of this project (npm ci)");
    await must("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root });
  }
  engine = await ensureEngine({ cache, log });
  if (!engine.own) log(`Docker engine ${engine.version} answers`);
  const env = { ...process.env, ...engine.env };
  await ensureBaseImages({ env, log });
  await ensureWorkerImage({ version: newestCelery, root, cache, env, log });
  log("running the tests");
  return runTests(env);
}

/** Runs mocha in a process of its own; resolves to its totals. */
async function runTests(env) {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-totals-"));
  const output = join(folder, "totals.json");
  try {
    const reporter = ["--reporter", join(root, "scripts/containers/totals-reporter.cjs")];
    const args = [...reporter, "--reporter-option", `output=${output}`, "interop-tests/containers/**/*.test.ts"];
    tests = spawn(process.execPath, [join(root, "node_modules/mocha/bin/mocha.js"), ...args], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      // What testcontainers would do with one more container (Ryuk), cleanUp does.
      env: { ...env, CELERIAC_RUN: runName, CELERIAC_SERVERS: "containers", TESTCONTAINERS_RYUK_DISABLED: "true" },
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      tests.kill("SIGKILL");
    }, testSeconds * 1000);
    const code = await new Promise((resolve) => {
      tests.on("error", () => resolve(1));
      tests.on("close", resolve);
    });
    clearTimeout(timer);
    const totals = await readFile(output, "utf8").then(JSON.parse, () => ({ passes: 0, failures: 0, pending: 0 }));
    if (hung) console.error(`the tests did not end within ${testSeconds} s`);
    // A run that ended by itself with an error although every test passed has failed as well.
    if (code !== 0 && totals.failures === 0) totals.failures = 1;
    return totals;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

let totals;
try {
  totals = await main();
} catch (error) {
  const skip = error instanceof EngineMissing && process.argv.includes("--if-available") && !process.env.CI;
  console.error(skip ? `skipped: ${error.message}` : error instanceof EngineMissing ? error.message : error);
  totals = { passes: 0, failures: skip ? 0 : 1, pending: skip ? 1 : 0 };
} finally {
  await cleanUp();
}
if (process.env.CI && totals.pending > 0) {
  console.error("with CI set, a skipped test is a failed one");
  totals = { passes: totals.passes, failures: totals.failures + totals.pending, pending: 0 };
}
log("done");
console.log(`${totals.passes} passed, ${totals.failures} failed, ${totals.pending} skipped`);
process.exitCode = totals.failures > 0 || totals.passes + totals.pending === 0 ? 1 : 0;
