/** `npm run demo`: from a fresh clone to both directions working. Needs Node and Python 3 with venv; touches only the clone and the temporary folder. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureVenv, newestCelery } from "../interop-tests/python/venvs.mjs";
import { command, ensurePackages, root } from "./testing/setup.mjs";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) fail(`Node 20.19 or newer is needed; this is ${process.version}.`);

// Package caches inside the clone: nothing is left elsewhere.
process.env.npm_config_cache ??= join(root, ".cache", "npm");
process.env.PIP_CACHE_DIR ??= join(root, ".cache", "pip");

const folder = await mkdtemp(join(tmpdir(), "celeriac-demo-"));
try {
  // First what a machine may lack, so that it is said before minutes of installing.
  const python = await ensureVenv(newestCelery, { log: console.log });
  await ensurePackages();
  await command("npm", ["run", "--silent", "build"]);
  const env = { ...process.env, DEMO_FOLDER: folder, DEMO_PYTHON: python, TSX_TSCONFIG_PATH: "examples/tsconfig.json" };
  await demo(env);
} catch (error) {
  fail(error.message);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function demo(env) {
  const child = spawn(process.execPath, ["--import", "tsx", "examples/demo/demo.ts"], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`the demo ended with ${code}`))));
  });
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
