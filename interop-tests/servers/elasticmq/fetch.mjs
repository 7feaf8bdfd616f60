/**
 * Fetches ElasticMQ and what it needs from Maven's repository into `.cache` of the clone, once for each version of the
 * pom beside this file. Plain JavaScript without dependencies: `npm test` calls it before there are any.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const pom = fileURLToPath(new URL("pom.xml", import.meta.url));

/** The one sentence for a machine without Maven. */
export const mavenNeeded =
  "ElasticMQ is fetched by Maven, which is missing (Debian, Ubuntu: apt install maven), or set SQS_URL";

/** The folder with the jars, whether they are there or not. */
async function jarFolder() {
  const version = createHash("sha256")
    .update(await readFile(pom))
    .digest("hex")
    .slice(0, 12);
  return join(root, ".cache", "maven", `elasticmq-${version}`);
}

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Makes sure that the jars are there; resolves to their folder. Safe to call at the same time from many processes. */
export async function ensureElasticmq(log = () => undefined) {
  const folder = await jarFolder();
  if (await exists(folder)) return folder;
  log("ElasticMQ: fetching its jars");
  const fresh = `${folder}.${process.pid}`;
  await mkdir(dirname(folder), { recursive: true });
  await run("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${fresh}`]);
  // Whoever is second finds the place taken, by the same jars.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  log("ElasticMQ: ready");
  return folder;
}

function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", () => reject(new Error(mavenNeeded)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Maven could not fetch ElasticMQ (is a repository reachable?):\n${output.trim()}`));
    });
  });
}
