/**
 * Images from the packages of Debian, for machines where no image registry answers: a minimal system made by
 * debootstrap becomes the base, and one Dockerfile each (interop-tests/servers/images) puts a server on top. They get
 * the official images' names, so that the same tests run in them.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { aptDownloadOptions, install, isDebianRoot, mirrors, proxyVariables } from "./debian.mjs";
import { findProgram, must, run } from "./run.mjs";

/** Debian 12 whatever the machine's own version is: Python 3.11, Redis 7 and RabbitMQ 3, as the names say. */
const release = "bookworm";
const base = "celeriac-debian:12";
const dockerfiles = fileURLToPath(new URL("../../interop-tests/servers/images/", import.meta.url));

/** The label of images built here; its value tells which text they were built from, so that a changed one counts. */
export const recipeLabel = "celeriac.recipe";
export const recipe = async (kind) =>
  createHash("sha256")
    .update(await readFile(join(dockerfiles, `${kind}.Dockerfile`)))
    .digest("hex")
    .slice(0, 16);

/** Builds `[kind, image]` pairs, two at a time, and their base where it is missing. */
export async function buildLocally(wanted, { env, log }) {
  if (!(await isDebianRoot()))
    throw new Error(
      `the images ${wanted.map(([, image]) => image).join(", ")} can be neither pulled nor built here: ` +
        "building them needs root on Debian. Pull them where a registry answers, or load them with `docker load`.",
    );
  const proxies = await proxyVariables();
  if ((await run("docker", ["image", "inspect", base], { env })).code !== 0) await makeBase({ env, log, proxies });
  const context = await mkdtemp(join(tmpdir(), "celeriac-images-"));
  try {
    await cp(dockerfiles, context, { recursive: true });
    // The network of this machine: the mirrors answer there, perhaps by its own hosts file and proxy. Docker keeps the
    // values of these build arguments out of the image.
    const names = Object.keys(proxies).flatMap((name) => ["--build-arg", name]);
    const options = ["--network", "host", "--force-rm", ...names];
    const rest = [...wanted];
    const next = async () => {
      for (let one = rest.shift(); one; one = rest.shift()) {
        const [kind, image] = one;
        const file = ["--file", join(context, `${kind}.Dockerfile`), "--label", `${recipeLabel}=${await recipe(kind)}`];
        // The classic builder: the newer one wants a permission for the machine's network.
        const buildEnv = { ...env, ...proxies, DOCKER_BUILDKIT: "0" };
        await must("docker", ["build", "--tag", image, ...options, ...file, context], { env: buildEnv });
        log(`${image}: built from Debian's packages`);
      }
    };
    await Promise.all([next(), next()]);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function makeBase({ env, log, proxies }) {
  if (!(await findProgram("debootstrap"))) {
    log("installing debootstrap from the distribution's packages");
    await install(["debootstrap"]);
  }
  const sources = await mirrors(release);
  const folder = await mkdtemp(join(tmpdir(), "celeriac-debian-"));
  const root = join(folder, "root");
  try {
    log(`making a minimal Debian (${release}) with debootstrap`);
    await mkdir(root, { mode: 0o755 });
    await must(await findProgram("debootstrap"), ["--variant=minbase", release, root, sources[0].uri], {
      env: { ...env, ...proxies },
    });
    await writeFile(
      join(root, "etc/apt/sources.list"),
      sources.map(({ uri, suite }) => `deb ${uri} ${suite} main\n`).join(""),
    );
    await writeFile(join(root, "etc/apt/apt.conf.d/90celeriac"), `${await aptDownloadOptions()}\n`);
    // Certificates for mirrors spoken to over https, until (and unless) a package brings its own.
    const bundle = "etc/ssl/certs/ca-certificates.crt";
    await mkdir(join(root, "etc/ssl/certs"), { recursive: true });
    await cp(`/${bundle}`, join(root, bundle)).catch(() => undefined);
    await rm(join(root, "var/cache/apt/archives"), { recursive: true, force: true });
    await mkdir(join(root, "var/cache/apt/archives/partial"), { recursive: true });
    await importImage(root, base, env);
  } finally {
    // One file system only: should debootstrap have left something mounted, it is not entered.
    await run("rm", ["-rf", "--one-file-system", folder]);
  }
}

/** `tar | docker import`. */
function importImage(folder, image, env) {
  const tar = spawn("tar", ["--numeric-owner", "-C", folder, "-c", "."], { stdio: ["ignore", "pipe", "ignore"] });
  return must("docker", ["import", "--change", 'CMD ["/bin/bash"]', "-", image], { env, input: tar.stdout });
}
