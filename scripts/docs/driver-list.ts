/** The drivers as the registries know them: what each can do, under which schemes, and what has to be installed. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BackendCapabilities } from "../../src/backends/backend.js";
import { backendOptions } from "../../src/backends/default-options.js";
import { knownBackends, openBackend } from "../../src/backends/registry.js";
import type { BrokerCapabilities } from "../../src/brokers/broker.js";
import { brokerOptions } from "../../src/brokers/default-options.js";
import { knownBrokers, openBroker } from "../../src/brokers/registry.js";
import { sampleFor } from "./samples.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const src = join(root, "src");

export interface DriverEntry<C> {
  /** Of its folder: `redis`. */
  readonly name: string;
  readonly schemes: readonly string[];
  readonly capabilities: C;
  /** Optional peers that its code imports. */
  readonly packages: readonly string[];
}

/** Drivers connect when they are first used, so that opening one needs no server. */
export const brokerDrivers = (): Promise<DriverEntry<BrokerCapabilities>[]> =>
  list("brokers", knownBrokers(), async (scheme) => {
    const { url, transportOptions = {} } = sampleFor(scheme);
    return openBroker(url, brokerOptions({ transportOptions }));
  });

export const backendDrivers = (): Promise<DriverEntry<BackendCapabilities>[]> =>
  list("backends", knownBackends(), async (scheme) => {
    const { url, transportOptions = {}, settings = {} } = sampleFor(scheme);
    return openBackend(url, backendOptions({ transportOptions, settings }));
  });

type Load = () => Promise<{ readonly default: unknown }>;

async function list<C>(
  family: "brokers" | "backends",
  known: ReadonlyMap<string, Load>,
  open: (scheme: string) => Promise<{ readonly capabilities: C; close(): Promise<void> }>,
): Promise<DriverEntry<C>[]> {
  const schemes = new Map<string, string[]>();
  const folders = await foldersOf(family);
  for (const [scheme, load] of known) {
    const folder = folders.get((await load()).default);
    if (folder === undefined) throw new Error(`the driver of ${scheme}:// is no folder of src/${family}`);
    schemes.set(folder, [...(schemes.get(folder) ?? []), scheme]);
  }
  const entries: DriverEntry<C>[] = [];
  for (const [name, own] of schemes) {
    const driver = await open(own[0] ?? "");
    entries.push({ name, schemes: own, capabilities: driver.capabilities, packages: packagesOf(family, name) });
    await driver.close();
  }
  return entries;
}

/** The folder of each driver, by the function that opens it. */
async function foldersOf(family: string): Promise<Map<unknown, string>> {
  const folders = new Map<unknown, string>();
  for (const { name } of readdirSync(join(src, family), { withFileTypes: true }).filter((one) => one.isDirectory())) {
    const file = join(src, family, name, "index.ts");
    if (existsSync(file)) folders.set(((await import(pathToFileURL(file).href)) as { default: unknown }).default, name);
  }
  return folders;
}

const peers = new Set(
  Object.keys(
    (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { peerDependencies: object }).peerDependencies,
  ),
);

/** Peers named in the imports of a driver and of what it is built on; the protocol's own are not the driver's. */
function packagesOf(family: string, folder: string): string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || !/^(brokers|backends|util)[/\\]/.test(relative(src, file))) return;
    seen.add(file);
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(/(?:from|import\(|Peer\()\s*"([^"]+)"/g))
      if (peers.has(specifier)) found.add(specifier);
      else if (specifier.startsWith(".")) visit(resolve(dirname(file), specifier.replace(/\.js$/, ".ts")));
  };
  visit(join(src, family, folder, "index.ts"));
  return [...found].sort();
}
