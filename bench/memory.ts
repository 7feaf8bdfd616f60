import type { Server } from "../interop-tests/servers/index.js";
import { node } from "./processes.js";

/** A million messages: the sender's memory must not grow with their number. */
export async function memoryRun(redis: Server, scale: number): Promise<void> {
  const count = Math.round(1_000_000 * scale);
  const task = { url: redis.url, queue: "bench-memory", count, inFlight: 1000 };
  const { memory = [], seconds } = await node("publish-celeriac", task);
  console.log(`\nmemory: ${count} messages published over Redis in ${seconds.toFixed(0)} s`);
  console.log(`  resident MiB at each tenth: ${memory.join(" ")}`);
  const ratio = memory.at(-1)! / memory[0]!;
  console.log(`  ${verdict(ratio <= 1.25)} last / first tenth = ${ratio.toFixed(2)} (wanted <= 1.25)`);
}

export const verdict = (reached: boolean): string => (reached ? "ok  " : "MISS");
