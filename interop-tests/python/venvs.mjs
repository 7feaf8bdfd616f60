/**
 * Python virtual environments, one per Celery version, under `.cache/venvs` of the clone. Plain JavaScript without
 * dependencies, so that it also works before `npm install`. `node interop-tests/python/venvs.mjs [version ...]`.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const windows = process.platform === "win32";

/** Every Celery version that is tested, oldest first; the last one is the newest. */
export const celeryVersions = ["5.2.7", "5.3.6", "5.4.0", "5.5.3", "5.6.3", "5.7.0"];
export const newestCelery = "5.7.0";

/** The one sentence for a machine without Python. */
export const pythonNeeded =
  "Python 3 with the venv module is needed: apt install python3-venv (Debian, Ubuntu), brew install python (macOS), or python.org.";

const namedFolder = (name) => join(root, ".cache", "venvs", name);
const pythonIn = (folder) => join(folder, windows ? "Scripts/python.exe" : "bin/python");

/** Where the environment of a version is, whether it exists or not. */
export const venvFolder = (version) => namedFolder(`celery-${version}`);

/** The interpreter inside that environment. */
export const venvPython = (version) => pythonIn(venvFolder(version));

const requirements = (version) => join(root, "python-fixtures", "requirements", `celery-${version}.txt`);

function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: output.trim() }));
  });
}

/** The system's Python, or an error saying what to install. `CELERIAC_PYTHON` names another interpreter. */
async function systemPython() {
  for (const command of process.env.CELERIAC_PYTHON ? [process.env.CELERIAC_PYTHON] : ["python3", "python"]) {
    const probe = await run(command, [
      "-c",
      "import sys, venv, ensurepip; print(sys.version_info[0], sys.version)",
    ]).catch(() => undefined);
    if (probe?.code === 0 && probe.output.startsWith("3")) return { command, version: probe.output };
  }
  throw new Error(pythonNeeded);
}

/** Takes a lock folder with our pid inside; a lock whose owner died is removed. */
async function lock(path) {
  for (;;) {
    const mine = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    await mkdir(mine, { recursive: true });
    await writeFile(join(mine, "pid"), String(process.pid));
    // Renaming onto a folder that is not empty fails, so exactly one process wins, and never without its pid file.
    const won = await rename(mine, path).then(
      () => true,
      () => false,
    );
    if (won) return () => rm(path, { recursive: true, force: true });
    await rm(mine, { recursive: true, force: true });
    const owner = Number(await readFile(join(path, "pid"), "utf8").catch(() => ""));
    if (owner && !alive(owner)) await rm(path, { recursive: true, force: true });
    else await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Makes sure that the environment of one Celery version exists; resolves to the path of its interpreter. */
export function ensureVenv(version, options = {}) {
  if (!celeryVersions.includes(version))
    return Promise.reject(
      new Error(`no requirements for Celery ${version}; known versions: ${celeryVersions.join(", ")}`),
    );
  return ensureNamedVenv(`celery-${version}`, `Celery ${version}`, requirements(version), options);
}

/**
 * Makes sure that an environment exists under `.cache/venvs` and fits its file of pinned requirements; resolves to the
 * path of its interpreter. Safe to call at the same time from many processes.
 */
export async function ensureNamedVenv(name, what, requirementsFile, { log = () => undefined } = {}) {
  const wanted = await readFile(requirementsFile, "utf8");
  const folder = namedFolder(name);
  const interpreter = pythonIn(folder);
  const stampFile = join(folder, "celeriac-stamp");
  // The folder is part of the stamp because an environment cannot be moved.
  const stampOf = (python) => createHash("sha256").update(`${python}\n${folder}\n${wanted}`).digest("hex");
  const fits = async () => {
    const [python, stamp] = (await readFile(stampFile, "utf8").catch(() => "")).split("\n\n");
    return stamp === stampOf(python) && (await stat(interpreter).catch(() => undefined)) !== undefined;
  };
  if (await fits()) return interpreter;
  const python = await systemPython();
  await mkdir(join(root, ".cache", "venvs"), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (await fits()) return interpreter;
    log(`${what}: preparing a Python environment`);
    await rm(folder, { recursive: true, force: true });
    const made = await run(python.command, ["-m", "venv", folder]);
    if (made.code !== 0) throw new Error(`${pythonNeeded}\n${made.output}`);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    const installed = await run(interpreter, [...pip, "-r", requirementsFile]);
    if (installed.code !== 0)
      throw new Error(`pip could not install ${what} (is a package index reachable?):\n${installed.output}`);
    await writeFile(stampFile, `${python.version}\n\n${stampOf(python.version)}`);
    log(`${what}: ready`);
    return interpreter;
  } finally {
    await unlock();
  }
}

/** `ensureVenv` for several versions, two at a time. */
export async function ensureVenvs(versions = celeryVersions, options = {}) {
  const rest = [...versions];
  const next = async () => {
    for (let version = rest.shift(); version !== undefined; version = rest.shift()) await ensureVenv(version, options);
  };
  await Promise.all([next(), next()]);
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    await ensureVenvs(process.argv.length > 2 ? process.argv.slice(2) : celeryVersions, { log: console.log });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
