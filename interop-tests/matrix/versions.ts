import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { BackendDriver, BrokerDriver } from "../drivers/driver.js";
import { ensureVenv, newestCelery } from "../python/venvs.mjs";
import type { ServerKind } from "../servers/index.js";
import { serverKinds } from "../servers/kinds.mjs";
import { probe } from "../servers/probes.js";
import { sharedServer } from "../servers/shared.js";
import type { Program } from "./report.js";

const manifest = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(new URL(`../../${path}`, import.meta.url), "utf8")) as Record<string, unknown>;

/** Peers that no driver uses. */
const codecs = new Set(["@napi-rs/lzma", "fzstd", "msgpackr", "seek-bzip"]);

/** This package and the clients of its drivers, as installed. */
export async function nodePrograms(): Promise<Program[]> {
  const { version, peerDependencies } = await manifest("package.json");
  const names = Object.keys(peerDependencies as object).filter((name) => !codecs.has(name));
  const peers = names.map(async (name): Promise<Program> => {
    const peer = await manifest(`node_modules/${name}/package.json`);
    return [name, String(peer.version)];
  });
  return [["celeriac", String(version)], ["Node", process.versions.node], ...(await Promise.all(peers))];
}

const ASK = `
import importlib.metadata as m, json, platform
names = [d.metadata["Name"] for d in m.distributions()]
print(json.dumps([["Python", platform.python_version()]] + [[n, m.version(n)] for n in names]))
`;

/** What the other side uses to reach servers; the rest of its packages is in python-fixtures/requirements. */
const interesting =
  /^(python|celery|kombu|redis|amqp|boto3|kazoo|sqlalchemy|psycopg2-binary|pymysql|cassandra-driver)$/i;

/** Python, Celery and the clients of its transports, as installed. */
export async function pythonPrograms(): Promise<Program[]> {
  const { stdout } = await promisify(execFile)(await ensureVenv(newestCelery), ["-c", ASK]);
  const all = JSON.parse(stdout) as Program[];
  return all.filter(([name]) => interesting.test(name)).sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1));
}

const order = (name: string): number => {
  const place = ["Python", "celery", "kombu"].indexOf(name);
  return place < 0 ? 3 : place;
};

/** Every server that the drivers use, started, with the version that it tells itself. */
export async function servers(drivers: readonly (BrokerDriver | BackendDriver)[]): Promise<Program[]> {
  const kinds = new Set(drivers.flatMap(({ server }) => (server ? [server] : [])));
  return Promise.all(
    [...kinds].map(async (kind: ServerKind): Promise<Program> => {
      const server = await sharedServer(kind);
      return [serverKinds[kind]?.name ?? kind, await probe(server)];
    }),
  );
}
