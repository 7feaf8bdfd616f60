import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Figures } from "./contestants/measure.js";

const root = fileURLToPath(new URL("../", import.meta.url));

/** The built package runs, not the sources: what users get. */
const env = { ...process.env, TSX_TSCONFIG_PATH: "examples/tsconfig.json", PYTHONDONTWRITEBYTECODE: "1" };

export function startNode(contestant: string, task: object): ChildProcess {
  const args = ["--import", "tsx", `bench/contestants/${contestant}.ts`, JSON.stringify(task)];
  return spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
}

export function startPython(interpreter: string, args: readonly string[], conf: object): ChildProcess {
  const own = { ...env, PYTHONPATH: "bench/python", BENCH_CONF: JSON.stringify(conf) };
  return spawn(interpreter, args, { cwd: root, env: own, stdio: ["ignore", "pipe", "pipe"] });
}

export const node = (contestant: string, task: object): Promise<Figures> =>
  figures(startNode(contestant, task), contestant);

export const python = (interpreter: string, args: readonly string[], conf: object): Promise<Figures> =>
  figures(startPython(interpreter, args, conf), "python");

async function figures(child: ChildProcess, name: string): Promise<Figures> {
  const said = output(child);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said()}`);
  return JSON.parse(said().trim().split("\n").at(-1) ?? "") as Figures;
}

/** Collects what a child prints. */
export function output(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
