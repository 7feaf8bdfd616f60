import { Celery } from "celeriac";
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

/** What RabbitMQ's limit can count, and so the most that a worker holds. */
const MOST_HELD = 65_535;
/** Bytes for each of them that a worker may take, and MiB beside them: the program itself and what the collector leaves. */
const EACH = 3500;
const REST = 150;

/** Tasks for tomorrow, many more than a worker holds: its memory must stop growing, and it must still be of use. */
export async function waitingRun(server: Server, count: number): Promise<void> {
  const queue = "bench-waiting";
  await using app = new Celery({ broker: server.url, taskDefaultQueue: queue });
  const eta = new Date(Date.now() + 86_400_000);
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await app.sendTask("bench.noop", [1, 2], { eta });
  };
  await Promise.all(Array.from({ length: 500 }, lane));
  const task = { broker: server.url, queue, settle: 5000 };
  const { memory = [], messages, seconds, cpuSeconds } = await node("wait-celeriac", task);
  await (await app.broker()).purge(queue);
  console.log(
    `\nwaiting: ${count} tasks for tomorrow on ${server.kind}, ${messages} of them taken in ${seconds.toFixed(0)} s`,
  );
  console.log(`  resident MiB at each second: ${memory.join(" ")}`);
  console.log(`  CPU us for each: ${((cpuSeconds / messages) * 1e6).toFixed(0)}`);
  const most = REST + (Math.min(count, MOST_HELD) * EACH) / 2 ** 20;
  const peak = Math.max(...memory);
  console.log(`  ${verdict(messages <= MOST_HELD && peak <= most)} ${peak} MiB (wanted <= ${most.toFixed(0)})`);
}

export const verdict = (reached: boolean): string => (reached ? "ok  " : "MISS");
