import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/**
 * Runs a program to its end. Resolves to its exit code and output; never rejects (a program that cannot be started, or
 * that was ended because `seconds` passed, has code `null`).
 */
export function run(command, args, { env = process.env, cwd, input, seconds = 600 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: [input ?? "ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
    let stdout = "";
    let output = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: null, stdout, output: output + error.message });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: stdout.trim(), output: output.trim() });
    });
  });
}

/** Like `run`, but rejects when the program fails, with what it said last. Resolves to its standard output. */
export async function must(command, args, options) {
  const { code, stdout, output } = await run(command, args, options);
  if (code !== 0) {
    const said = output.split("\n").slice(-25).join("\n");
    throw new Error(`${command} ${args.slice(0, 6).join(" ")} failed (${code ?? "ended"}):\n${said}`);
  }
  return stdout;
}

/** Where a program is, looking along PATH and in the folders of administrators' programs. */
export async function findProgram(name) {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"])
    if (folder)
      try {
        await access(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not in this folder.
      }
  return undefined;
}

/** Resolves after so many seconds. */
export const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
