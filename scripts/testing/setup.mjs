/** Everything a fresh clone lacks before its tests can run: packages, servers, Python environments. */
import { spawn } from "node:child_process";
import { access, constants, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureVenvs, pythonNeeded } from "../../interop-tests/python/venvs.mjs";
import { images } from "../../interop-tests/servers/images.mjs";
import { serverKinds } from "../../interop-tests/servers/kinds.mjs";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const say = (line) => console.log(`  ${line}`);

/** Runs a command to its end; rejects with its output when it fails. */
export function command(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ${args.join(" ")} ended with ${code}:\n${output.trim()}`));
    });
  });
}

/** `npm ci`, unless what is installed is what the lock file says. */
export async function ensurePackages() {
  const read = async (path) => JSON.parse(await readFile(join(root, path), "utf8")).packages;
  const installed = await read("node_modules/.package-lock.json").catch(() => undefined);
  const locked = await read("package-lock.json");
  const missing = ([path, { version, optional, devOptional }]) =>
    path !== "" && !optional && !devOptional && installed?.[path]?.version !== version;
  if (installed && !Object.entries(locked).some(missing)) return;
  say("npm ci: installing packages");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await command(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

async function onPath(...programs) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];
  for (const program of programs)
    for (const path of program.startsWith("/") ? await versionsOf(program) : folders.map((one) => join(one, program)))
      if (await readable(path, constants.X_OK)) return path;
  return undefined;
}

/** A `*` in a path stands for one folder: PostgreSQL has one for each version. */
async function versionsOf(path) {
  const [before, after] = path.split("/*");
  if (after === undefined) return [path];
  return (await readdir(before).catch(() => [])).map((version) => before + "/" + version + after);
}

const readable = (path, mode) =>
  access(path, mode).then(
    () => true,
    () => false,
  );

/** Whether a Docker engine answers: only its address is tried, no library is needed. */
function dockerAnswers() {
  const host = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  const address = host.startsWith("unix://")
    ? { path: host.slice("unix://".length) }
    : { host: new URL(host).hostname, port: Number(new URL(host).port || 2375) };
  return new Promise((resolve) => {
    const socket = createConnection(address);
    socket.setTimeout(2000, () => socket.destroy());
    socket.once("connect", () => socket.end(() => resolve(true)));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

const servers = Object.entries(serverKinds).map(([kind, info]) => ({ kind, ...info }));

/** Whether this is Debian or one of its children, and we may install there. */
const mayInstall = async () =>
  process.getuid?.() === 0 && (await readable("/etc/debian_version", constants.R_OK)) && (await onPath("apt-get"));

/**
 * Makes sure that every kind of server can be had: from the environment, a container or a local program. Resolves to
 * a list of sentences about those that cannot.
 */
export async function ensureServers() {
  const forced = process.env.CELERIAC_SERVERS;
  if (forced === "env") return [];
  const docker = forced !== "local" && (await dockerAnswers());
  // Decided once: an engine that comes up during the run (the containers step starts one) must not split the run.
  if (!forced && !docker && !servers.some(({ variable }) => process.env[variable]))
    process.env.CELERIAC_SERVERS = "local";
  const local = servers.filter(({ kind, variable }) => !process.env[variable] && !(docker && images[kind]));
  if (forced === "containers") return [];
  const missing = [];
  for (const server of local) if (server.programs && !(await onPath(...server.programs))) missing.push(server);
  const installed = missing.length > 0 && (await mayInstall());
  if (installed) await aptInstall(missing.flatMap(({ packages }) => packages));
  const absent = installed ? [] : missing;
  const sentences = absent.map(
    ({ name, variable, packages }) =>
      `${name} is missing: set ${variable}, start Docker, or install it (Debian, Ubuntu: apt install ${packages.join(" ")})`,
  );
  // What is fetched needs what was installed.
  const fetching = local.filter((server) => server.prepare && !absent.includes(server));
  const failures = await Promise.all(
    fetching.map(({ name, variable, prepare }) =>
      prepare(say).then(
        () => [],
        (error) => [`${name} is missing (or set ${variable}): ${error.message}`],
      ),
    ),
  );
  return [...sentences, ...failures.flat()];
}

/** One installation at a time. */
let installing = Promise.resolve();

/** Installs packages without letting them start services. */
function aptInstall(packages) {
  const installed = installing.then(() => aptInstallNow([...new Set(packages)]));
  installing = installed.catch(() => undefined);
  return installed;
}

async function aptInstallNow(packages) {
  say(`apt-get install ${packages.join(" ")}`);
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !(await readable(policy, constants.F_OK));
  const hadErlang = await onPath("epmd");
  if (ours) await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await command("apt-get", ["update", "-qq"], { env });
    await command(
      "apt-get",
      ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "-qq", "--no-install-recommends", ...packages],
      { env },
    );
  } finally {
    if (ours) await rm(policy, { force: true });
    // RabbitMQ's installation calls its own tools, which leave Erlang's port mapper behind.
    if (!hadErlang && (await onPath("epmd"))) await command("epmd", ["-kill"]).catch(() => undefined);
  }
}

/** Python environments for all Celery versions; on Debian as root the venv module is installed when it is missing. */
export async function ensurePython(versions) {
  const ensure = () => ensureVenvs(versions, { log: say });
  try {
    await ensure();
  } catch (error) {
    if (!error.message.startsWith(pythonNeeded) || !(await mayInstall())) throw error;
    await aptInstall(["python3", "python3-venv"]);
    await ensure();
  }
}
