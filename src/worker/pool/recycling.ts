import { getHeapStatistics } from "node:v8";
import type { ThreadData } from "./thread-messages.js";

/** Says when a thread has done its share (`workerMaxTasksPerChild`, `workerMaxMemoryPerChild`). */
export class Recycling {
  readonly #limits: Pick<ThreadData, "maxTasks" | "maxMemory">;
  #tasks = 0;

  constructor(limits: Pick<ThreadData, "maxTasks" | "maxMemory">) {
    this.#limits = limits;
  }

  /** Asked once after each task. */
  isDue(): boolean {
    const { maxTasks, maxMemory } = this.#limits;
    this.#tasks++;
    return (maxTasks !== null && this.#tasks >= maxTasks) || (maxMemory !== null && memory() > maxMemory);
  }

  /** Ends this thread once its output is on its way. */
  async end(): Promise<never> {
    for (const stream of [process.stdout, process.stderr])
      if (stream.writableLength > 0) await new Promise((resolve) => stream.write("", resolve));
    // In a thread this ends the thread.
    return process.exit(0);
  }
}

/** KiB that V8 holds for this thread, and that live outside its heap on its behalf. */
function memory(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return (heap + external) / 1024;
}
