/** A Docker engine: the one that answers, or our own for the time of the run (as root on Debian and its kin). */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canInstall, install } from "./debian.mjs";
import { lockEngine } from "./engine-lock.mjs";
import { findProgram, must, pause, run } from "./run.mjs";

/** There is no engine and none may be started here. The message says what to do. */
export class EngineMissing extends Error {}

/**
 * Resolves to `{ env, version, own, stop }`: the environment in which `docker` and testcontainers reach the engine. An
 * engine started here keeps its images in `cache` and is ended by `stop`, with everything that it ran.
 */
export async function ensureEngine({ cache, mayInstall, log }) {
  const found = await engineVersion(process.env);
  if (found) return { env: {}, version: found, own: false, stop: async () => undefined };
  const isHere = (await findProgram("dockerd")) !== undefined;
  if (!(await canInstall()) || (!isHere && !mayInstall))
    throw new EngineMissing(
      "No Docker engine answers: start Docker (docker.com/get-started), or run this as root on Debian, " +
        "where a private engine is installed from the distribution and started for the run.",
    );
  if (!isHere) {
    log("installing docker.io from the distribution's packages");
    await install(["docker.io"]);
  }
  return startEngine({ cache, log });
}

const engineVersion = async (env) => {
  const { code, stdout } = await run("docker", ["version", "--format", "{{.Server.Version}}"], { env, seconds: 15 });
  return code === 0 ? stdout : undefined;
};

async function startEngine({ cache, log }) {
  const data = join(cache, "docker");
  await mkdir(data, { recursive: true });
  const lock = await lockEngine(data);
  const folder = await mkdtemp(join(tmpdir(), "celeriac-docker-"));
  const socket = `unix://${join(folder, "docker.sock")}`;
  const bridgeIsOurs = lock.left.bridge === true || !(await hasBridge());
  const logFile = await open(join(folder, "log"), "w");
  const options = [
    ...["--host", socket, "--data-root", data, "--exec-root", join(folder, "run"), "--pidfile", join(folder, "pid")],
    // Ports are published by its own small proxies, and image builds use this machine's network: so no firewall rule
    // and no kernel setting of this machine is touched.
    ...["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
  ];
  const dockerd = await findProgram("dockerd");
  const setpriv = await findProgram("setpriv");
  // Should this program be killed, the kernel tells the engine to end; its own group keeps it from Ctrl-C, because
  // containers are cleaned up through it.
  const command = setpriv ? [setpriv, "--pdeathsig", "TERM", dockerd, ...options] : [dockerd, ...options];
  const child = spawn(command[0], command.slice(1), { detached: true, stdio: ["ignore", logFile.fd, logFile.fd] });
  const ended = new Promise((resolve) => {
    child.on("error", resolve);
    child.on("exit", resolve);
  });
  await lock.note({ engine: child.pid, bridge: bridgeIsOurs });
  let running = true;
  void ended.then(() => (running = false));
  // Ports are published on this machine, which testcontainers doubts when it seems to be a container itself.
  const env = { DOCKER_HOST: socket, DOCKER_CONFIG: folder, TESTCONTAINERS_HOST_OVERRIDE: "127.0.0.1" };

  const stop = async () => {
    if (running) {
      await removeEverything({ ...process.env, ...env });
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
      await ended;
      clearTimeout(late);
    }
    if (bridgeIsOurs && (await hasBridge())) await run("ip", ["link", "delete", "docker0"]);
    await logFile.close();
    for (const mount of await mountsUnder(folder)) await run("umount", [mount]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    await lock.release();
  };

  for (let waited = 0; running && waited < 60; waited += 0.25) {
    const version = await engineVersion({ ...process.env, ...env });
    if (version) {
      log(`Docker engine ${version} started for this run`);
      return { env, version, own: true, stop };
    }
    await pause(0.25);
  }
  const said = (await readFile(join(folder, "log"), "utf8")).split("\n").slice(-15).join("\n");
  await stop();
  throw new EngineMissing(`dockerd could not be started here; it said:\n${said}`);
}

async function removeEverything(env) {
  const { stdout } = await run("docker", ["ps", "--all", "--quiet"], { env, seconds: 30 });
  if (stdout) await run("docker", ["rm", "--force", "--volumes", ...stdout.split("\n")], { env, seconds: 60 });
  await run("docker", ["network", "prune", "--force"], { env, seconds: 30 });
  await run("docker", ["volume", "prune", "--force"], { env, seconds: 30 });
}

/** Docker leaves a mount behind: the network of this machine, pinned as a file. */
async function mountsUnder(folder) {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" ")[1] ?? "");
  return mounts.filter((path) => path.startsWith(`${folder}/`)).reverse();
}

const hasBridge = async () => (await run("ip", ["link", "show", "docker0"])).code === 0;

/** Removes what a run left in an engine that is not ours: its containers, and the networks made for them. */
export async function removeRun({ label, networkPrefix, env }) {
  const ids = (await must("docker", ["ps", "--all", "--quiet", "--filter", `label=${label}`], { env })).split("\n");
  if (ids[0]) await run("docker", ["rm", "--force", "--volumes", ...ids], { env });
  const list = ["network", "ls", "--quiet", "--filter", `name=${networkPrefix}`];
  const networks = (await must("docker", list, { env })).split("\n");
  if (networks[0]) await run("docker", ["network", "rm", ...networks], { env });
}
