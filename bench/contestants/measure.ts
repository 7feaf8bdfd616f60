/** What every contestant does: send `count` messages, `inFlight` at a time, and say what that took. */
export interface Figures {
  readonly messages: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** Resident memory at tenths of the run, MiB. */
  readonly memory?: readonly number[];
}

export interface Task {
  readonly url: string;
  readonly queue: string;
  readonly count: number;
  readonly inFlight: number;
}

export const task = JSON.parse(process.argv[2] ?? "{}") as Task;

const MIB = 1024 * 1024;

export async function publishAll(
  send: () => Promise<unknown>,
  between?: (sent: number) => Promise<void>,
): Promise<void> {
  // Connecting and the first compilation are not what is measured.
  for (let i = 0; i < Math.min(2000, task.count); i++) await send();
  const memory: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  let sent = 0;
  let done = 0;
  const tenth = Math.ceil(task.count / 10);
  const lane = async (): Promise<void> => {
    while (sent < task.count) {
      sent++;
      await send();
      if (++done % tenth === 0) memory.push(Math.round(process.memoryUsage().rss / MIB));
      if (between) await between(done);
    }
  };
  await Promise.all(Array.from({ length: task.inFlight }, lane));
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  report({
    messages: task.count,
    seconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    memory,
  });
}

export function report(figures: Figures): void {
  console.log(JSON.stringify(figures));
}
