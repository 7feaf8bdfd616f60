/** Runs one step of the tests in a process of its own and says how it went. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { root } from "./setup.mjs";

/** Nothing takes longer than this, whatever hangs. */
const STEP_LIMIT_MS = 15 * 60_000;

const running = new Set();

/** Ends what runs now: for Ctrl-C. */
export function endAll() {
  for (const child of running) signalGroup(child, "SIGTERM");
}

/**
 * @typedef {{ name: string, passed: number, failed: number, skipped: number, seconds: number, output: string, notes: string[] }} Outcome
 * @param {{ name: string, program: string, args: string[], mocha?: boolean, env?: Record<string, string> }} step
 * @param {boolean} live whether its output is shown as it comes
 * @returns {Promise<Outcome>}
 */
export async function runStep(step, live) {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-step-"));
  const started = performance.now();
  const env = {
    ...process.env,
    ...step.env,
    CELERIAC_TOTALS: join(folder, "totals.json"),
    CELERIAC_CHILDREN: join(folder, "children"),
  };
  try {
    const { code, output, late } = await execute(step, env, live);
    const notes = [];
    const totals = step.mocha ? readTotals(env.CELERIAC_TOTALS) : undefined;
    let { passed = 0, failed = 0, skipped = 0 } = totals ?? {};
    if (!step.mocha) [passed, failed] = code === 0 ? [1, 0] : [0, 1];
    else if (!totals) {
      failed = 1;
      notes.push("the tests could not be started or did not reach their end");
    } else if (code !== 0 && failed === 0) {
      failed = 1;
      notes.push(`mocha ended with exit code ${code}`);
    }
    if (late) notes.push(`stopped after ${STEP_LIMIT_MS / 60_000} minutes`);
    for (const left of leftChildren(env.CELERIAC_CHILDREN)) {
      failed++;
      notes.push(`left a process running (now ended): ${left}`);
    }
    for (const failure of totals?.failures ?? []) notes.push(`failed: ${failure}`);
    const seconds = (performance.now() - started) / 1000;
    return { name: step.name, passed, failed, skipped, seconds, output, notes, slow: totals?.slow ?? [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function execute(step, env, live) {
  return new Promise((resolve) => {
    const child = spawn(step.program, step.args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    let output = "";
    let late = false;
    const collect = (chunk) => {
      output += chunk;
      if (live) process.stdout.write(chunk);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const limit = setTimeout(() => {
      late = true;
      signalGroup(child, "SIGTERM");
      setTimeout(() => signalGroup(child, "SIGKILL"), 10_000).unref();
    }, STEP_LIMIT_MS);
    const done = (code) => {
      clearTimeout(limit);
      running.delete(child);
      resolve({ code, output, late });
    };
    child.on("error", (error) => {
      output += error.message;
      done(1);
    });
    child.on("close", done);
  });
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}

function readTotals(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Process groups that tests started and that are still there after their end. They are ended here. */
function leftChildren(list) {
  let text;
  try {
    text = readFileSync(list, "utf8");
  } catch {
    return [];
  }
  return text
    .trim()
    .split("\n")
    .filter((line) => {
      try {
        process.kill(-Number(line.split(" ")[0]), "SIGKILL");
        return true;
      } catch {
        return false;
      }
    });
}
