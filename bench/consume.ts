import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Celery } from "celeriac";
import { Redis } from "ioredis";
import type { Figures } from "./contestants/measure.js";
import { output, startNode, startPython } from "./processes.js";

export interface Place {
  readonly broker: string;
  readonly redis: string;
  readonly queue: string;
}

type Who =
  | { readonly concurrency: number; readonly events?: boolean }
  | { readonly interpreter: string; readonly args: readonly string[] };

/** Results have a database of their own, so that its size counts them, whoever stores them. */
const RESULTS = 1;
/** The start is not measured: it is imports, connections and the first compilation. */
const SKIPPED = 0.1;

/** Fills the queue, starts a worker and measures from a tenth of the results to all of them. */
export async function consume(place: Place, count: number, who: Who): Promise<Figures> {
  const backend = `${place.redis}/${RESULTS}`;
  const redis = new Redis(backend);
  await redis.flushdb();
  await fill(place, count);
  const child =
    "concurrency" in who
      ? startNode("consume-celeriac", { ...place, backend, ...who })
      : startPython(
          who.interpreter,
          [
            "-m",
            "celery",
            "-A",
            "contestant",
            "worker",
            "-l",
            "error",
            "--without-mingle",
            "--without-gossip",
            ...who.args,
          ],
          { broker: place.broker, backend, task_default_queue: place.queue },
        );
  const said = output(child);
  let ended = false;
  void once(child, "close").then(() => (ended = true));
  const reach = async (wanted: number): Promise<void> => {
    const deadline = performance.now() + 180_000;
    while ((await redis.dbsize()) < wanted) {
      if (ended || performance.now() > deadline) throw new Error(`the worker did not finish: ${said()}`);
      await sleep(5);
    }
  };
  try {
    await reach(Math.ceil(count * SKIPPED));
    const first = await redis.dbsize();
    const start = performance.now();
    const cpu = await cpuSeconds(child.pid!);
    await reach(count);
    const seconds = (performance.now() - start) / 1000;
    const [used, peakMiB] = [(await cpuSeconds(child.pid!)) - cpu, await peakMemory(child.pid!)];
    return { messages: count - first, seconds, cpuSeconds: used, peakMiB };
  } finally {
    if (!ended) {
      child.kill("SIGTERM");
      await once(child, "close");
    }
    await redis.quit();
  }
}

async function fill(place: Place, count: number): Promise<void> {
  await using app = new Celery({ broker: place.broker, taskDefaultQueue: place.queue });
  await (await app.broker()).purge(place.queue);
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await app.sendTask("bench.noop", [1, 2]);
  };
  await Promise.all(Array.from({ length: 500 }, lane));
}

/** Processor seconds of a process and the children it has ended or holds, where the system tells (Linux). */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (!stat) return NaN;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  let ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const child of children.split(" ").filter(Boolean)) ticks += (await cpuSeconds(Number(child))) * 100;
  return ticks / 100;
}

async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}
