/**
 * `npm run matrix`: prepares packages, servers and Python, then runs interop-tests/matrix/run.ts, which writes
 * docs/compatibility.md. `--check` needs none of that: it only compares the page with the lists of drivers.
 */
import { spawn } from "node:child_process";
import { newestCelery } from "../interop-tests/python/venvs.mjs";
import { ensurePackages, ensurePython, ensureServers, root } from "./testing/setup.mjs";

const args = process.argv.slice(2);
await ensurePackages();
if (!args.includes("--check")) {
  const [missing] = await Promise.all([ensureServers(), ensurePython([newestCelery])]);
  for (const sentence of missing) console.log(sentence);
  if (missing.length > 0) process.exit(1);
}
const child = spawn(process.execPath, ["--import", "tsx", "interop-tests/matrix/run.ts", ...args], {
  cwd: root,
  stdio: "inherit",
});
// Ctrl-C reaches the child as well, which ends what it started.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => (process.exitCode = code ?? 1));
