/** What the project's commands share. Plain JavaScript without dependencies: it runs on a fresh clone. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../", import.meta.url));

/** Runs a command in the clone; its output is shown as it comes (`stdio: "inherit"`) or when it fails. */
export function run(command, args, { env = process.env, stdio = ["ignore", "pipe", "pipe"], cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio });
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${[command, ...args].join(" ")} ended with ${code}\n${output}`.trimEnd()));
    });
  });
}

/** `npm ci`, unless what is installed already fits the lock file. */
export async function installPackages(log = console.log) {
  const stampFile = join(root, ".cache", "npm-ci-stamp");
  const wanted = createHash("sha256")
    .update(await readFile(join(root, "package-lock.json")))
    .digest("hex");
  const installed = await readFile(join(root, "node_modules", ".package-lock.json"), "utf8").catch(() => "");
  if (installed !== "" && (await readFile(stampFile, "utf8").catch(() => "")) === wanted) return;
  log("installing the npm packages");
  await run("npm", ["ci", "--no-audit", "--no-fund"]);
  await mkdir(join(root, ".cache"), { recursive: true });
  await writeFile(stampFile, wanted);
}
