/** What is known about a Debian machine: whether it is one, its package mirrors, how to install packages quietly. */
import { access, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, must, run } from "./run.mjs";

const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

async function osRelease() {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return Object.fromEntries([...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, key, value]) => [key, value]));
}

/** True where packages may be installed and file systems of Debian may be made: root on Debian. */
export async function isDebianRoot() {
  return process.platform === "linux" && process.getuid?.() === 0 && (await osRelease()).ID === "debian";
}

/** True where apt-get may install packages: root on Debian or one of its kin. */
export async function canInstall() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const { ID = "", ID_LIKE = "" } = await osRelease();
  return `${ID} ${ID_LIKE}`.split(" ").includes("debian") && (await findProgram("apt-get")) !== undefined;
}

/** Installs packages without starting the services in them. */
export async function install(packages) {
  const policy = "/usr/sbin/policy-rc.d";
  // The documented way to keep package scripts from starting services: exit code 101 of this program.
  const ours = !(await exists(policy));
  if (ours) await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => run("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", ...args], { env });
  const all = ["install", "--yes", "--no-install-recommends", ...packages];
  try {
    // The lists may be missing or old: then, and only then, they are fetched anew.
    if ((await apt(...all)).code === 0) return;
    await apt("update");
    const { code, output } = await apt(...all);
    if (code !== 0) throw new Error(`apt-get could not install ${packages.join(", ")}:\n${output}`);
  } finally {
    if (ours) await rm(policy, { force: true });
  }
}

/** The entries of apt's source lists, in both of their formats. */
async function aptSources() {
  const folder = "/etc/apt/sources.list.d";
  const names = await readdir(folder).catch(() => []);
  const entries = [];
  for (const path of ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))]) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (path.endsWith(".sources")) entries.push(...stanzas(text));
    else if (path.endsWith(".list")) entries.push(...lines(text));
  }
  return entries;
}

function stanzas(text) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name) =>
      (new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, "im").exec(stanza.replace(/^#.*\n?/gm, ""))?.[1] ?? "")
        .split(/\s+/)
        .filter(Boolean);
    if (!field("Types").includes("deb") || field("Enabled")[0] === "no") return [];
    return field("URIs").flatMap((uri) =>
      field("Suites").map((suite) => ({ uri, suite, components: field("Components") })),
    );
  });
}

function lines(text) {
  return [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/gm)].map(([, uri, suite, components]) => ({
    uri,
    suite,
    components: components.trim().split(/\s+/),
  }));
}

/** The mirrors of this machine, as sources of another release: `[{ uri, suite }]`, the release itself first. */
export async function mirrors(release) {
  const { VERSION_CODENAME: own } = await osRelease();
  const suites = {
    [own]: release,
    [`${own}-updates`]: `${release}-updates`,
    [`${own}-security`]: `${release}-security`,
  };
  const found = (await aptSources())
    .filter(({ uri, suite, components }) => /^https?:/.test(uri) && suites[suite] && components.includes("main"))
    .map(({ uri, suite }) => ({ uri, suite: suites[suite] }));
  found.sort((a, b) => a.suite.length - b.suite.length);
  if (found[0]?.suite !== release)
    throw new Error(`no http mirror of Debian's ${own} main archive was found in /etc/apt/sources.list*`);
  return found;
}

/** What this machine sets about downloads in apt's configuration, apart from proxies (which may hold a password). */
export async function aptDownloadOptions() {
  const dump = await must("apt-config", ["dump"]);
  return dump
    .split("\n")
    .filter((line) => /^Acquire::(Check-|Retries|https?::)/i.test(line) && !/proxy|""/i.test(line))
    .join("\n");
}

/** Proxy variables for programs that do not read apt's configuration. */
export async function proxyVariables() {
  const shell = await run("apt-config", ["shell", "http", "Acquire::http::Proxy", "https", "Acquire::https::Proxy"]);
  const apt = Object.fromEntries(
    [...shell.stdout.matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
  );
  const { env } = process;
  const all = {
    http_proxy: env.http_proxy ?? env.HTTP_PROXY ?? apt.http,
    https_proxy: env.https_proxy ?? env.HTTPS_PROXY ?? apt.https,
    no_proxy: env.no_proxy ?? env.NO_PROXY,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value && value !== "DIRECT"));
}
