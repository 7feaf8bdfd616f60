/** `npm run bench`: prepares what the benchmarks need (packages, build, servers, Python), then runs bench/run.ts. */
import { spawn } from "node:child_process";
import { newestCelery } from "../interop-tests/python/venvs.mjs";
import { command, ensurePackages, ensurePython, ensureServers, root } from "./testing/setup.mjs";

await ensurePackages();
await command("npm", ["run", "--silent", "build"]);
for (const sentence of await ensureServers()) console.log(sentence);
await ensurePython([newestCelery]);
const env = { ...process.env, TSX_TSCONFIG_PATH: "examples/tsconfig.json" };
const args = ["--import", "tsx", "bench/run.ts", ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { cwd: root, env, stdio: "inherit" });
child.on("close", (code) => (process.exitCode = code ?? 1));
