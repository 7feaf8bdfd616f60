/**
 * Servers that come as Java libraries: fetches what a pom names, and what that needs, from Maven's repository into
 * `.cache` of the clone, once for each version of the pom. The machine's own Maven settings count. Plain JavaScript
 * without dependencies: `npm test` calls it before there are any.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Makes sure that the jars are there; resolves to their folder. Safe to call at the same time from many processes.
 * `name` is for messages and for the folder, `variable` the way out on a machine without Maven.
 */
export async function ensureJars({ name, pom, variable }, log = () => undefined) {
  const version = createHash("sha256")
    .update(await readFile(pom))
    .digest("hex")
    .slice(0, 12);
  const folder = join(root, ".cache", "maven", `${name.toLowerCase()}-${version}`);
  if (await exists(folder)) return folder;
  log(`${name}: fetching its jars`);
  const fresh = `${folder}.${process.pid}`;
  await mkdir(dirname(folder), { recursive: true });
  try {
    await maven(["-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${fresh}`], name, variable);
    // Whoever is second finds the place taken, by the same jars.
    await rename(fresh, folder).catch(() => undefined);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  log(`${name}: ready`);
  return folder;
}

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

function maven(args, name, variable) {
  return new Promise((resolve, reject) => {
    const child = spawn("mvn", ["-q", "-B", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", () =>
      reject(
        new Error(
          `${name} is fetched by Maven, which is missing (Debian, Ubuntu: apt install maven), or set ${variable}`,
        ),
      ),
    );
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Maven could not fetch ${name} (is a repository reachable?):\n${output.trim()}`));
    });
  });
}
