/** Makes sure that every image of the containers run is in the engine: there already, pulled, or built here. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureVenv } from "../../interop-tests/python/venvs.mjs";
import { images, workerImage } from "../../interop-tests/servers/images.mjs";
import { buildLocally, recipe, recipeLabel } from "./local-images.mjs";
import { must, run } from "./run.mjs";

/** What the pinned packages need beyond the pins on Python 3.11.0 to 3.11.2 (Debian 12 has 3.11.2). */
const forOlderPatches = ["async-timeout==5.0.1"];

/** Seconds that a registry has to name an image; without an answer by then, it counts as unreachable. */
const registryPatience = 20;

/** `redis`, `rabbitmq` and `python`, under their official names. */
export async function ensureBaseImages({ env, log }) {
  let refusal;
  const toBuild = [];
  for (const [kind, image] of Object.entries(images)) {
    const origin = await originOf(image, env);
    if (origin === "official" || origin === (await recipe(kind))) {
      log(`${image}: ${origin === "official" ? origin : "built here"}, already here`);
      continue;
    }
    // A registry that failed for one image is not asked again.
    refusal ??= await pull(image, env);
    if (refusal) toBuild.push([kind, image]);
    else log(`${image}: official, pulled`);
  }
  if (toBuild.length === 0) return;
  log(`no image registry answers (${refusal}): building ${toBuild.map(([, image]) => image).join(", ")} here`);
  await buildLocally(toBuild, { env, log });
}

/** "official", the recipe that an image was built here from, or undefined when it is not here. */
async function originOf(image, env) {
  const format = `{{index .Config.Labels "${recipeLabel}"}}`;
  const { code, stdout } = await run("docker", ["image", "inspect", "--format", format, image], { env });
  return code === 0 ? stdout || "official" : undefined;
}

/** Resolves to undefined when the image was pulled, else to why it was not. */
function pull(image, env) {
  return new Promise((resolve) => {
    const child = spawn("docker", ["pull", image], { env, stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    // The first line of output names the image that the registry knows: from then on it is only a matter of bandwidth.
    const silent = setTimeout(() => child.kill("SIGKILL"), registryPatience * 1000);
    const slow = setTimeout(() => child.kill("SIGKILL"), 600_000);
    child.stdout.once("data", () => clearTimeout(silent));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", (error) => (errors += error.message));
    child.on("close", (code) => {
      clearTimeout(silent);
      clearTimeout(slow);
      resolve(code === 0 ? undefined : errors.trim().split("\n").pop() || "it did not answer in time");
    });
  });
}

/** The image of the Python worker under one Celery version, made of python-fixtures/. */
export async function ensureWorkerImage({ version, root, cache, env, log }) {
  const source = join(root, "python-fixtures");
  const wheels = await wheelsFor({ version, source, cache, env, log });
  const context = await mkdtemp(join(tmpdir(), "celeriac-context-"));
  try {
    for (const part of ["Dockerfile", "requirements", "app"])
      await cp(join(source, part), join(context, part), {
        recursive: true,
        filter: (path) => !path.includes("__pycache__"),
      });
    await cp(wheels, join(context, "wheels"), { recursive: true });
    const options = ["--build-arg", `BASE=${images.python}`, "--build-arg", `CELERY=${version}`];
    await build(context, workerImage(version), options, env);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  log(`${workerImage(version)}: built from python-fixtures/`);
}

/** `docker build`, with the classic builder where the newer one is not installed. */
export async function build(context, tag, options, env) {
  const buildx = (await run("docker", ["buildx", "version"], { env })).code === 0;
  const builder = buildx ? {} : { DOCKER_BUILDKIT: "0" };
  await must("docker", ["build", "--tag", tag, ...options, context], { env: { ...env, ...builder } });
}

/**
 * A folder with the wheels of one Celery version for the engine's machine type. They are downloaded outside of the
 * engine, so that pip's configuration of this machine (an index, certificates, a proxy) holds and stays out of images.
 */
async function wheelsFor({ version, source, cache, env, log }) {
  const requirements = join(source, "requirements", `celery-${version}.txt`);
  const machine = await must("docker", ["info", "--format", "{{.Architecture}}"], { env });
  const key = createHash("sha256")
    .update(`${await readFile(requirements, "utf8")}\n${machine}`)
    .digest("hex");
  const folder = join(cache, "wheels", `celery-${version}-${key.slice(0, 12)}`);
  if ((await readdir(folder).catch(() => [])).length > 0) return folder;
  log(`downloading the wheels of Celery ${version} for ${machine}`);
  const python = await ensureVenv(version, { log });
  await mkdir(join(cache, "wheels"), { recursive: true });
  const partial = await mkdtemp(`${folder}.part-`);
  const platforms = ["_2_28", "_2_17", "2014"].flatMap((tag) => ["--platform", `manylinux${tag}_${machine}`]);
  const target = ["--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp", ...platforms];
  const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
  await must(python, [...pip, ...target, "--dest", partial, "--requirement", requirements, ...forOlderPatches]);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  return folder;
}
