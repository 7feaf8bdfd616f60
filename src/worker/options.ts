import { availableParallelism, hostname as machineName } from "node:os";
import type { Config } from "../client/config.js";
import { boolean, checkSettings, number, nullable, text, textList } from "../client/settings.js";

export interface WorkerOptions {
  /** Names of the queues to consume. Default: those of `taskQueues`, else the default queue. */
  queues?: readonly string[];
  /** Tasks run at once. Default: `workerConcurrency`, else the number of processors. */
  concurrency?: number;
  /** Messages reserved for each of them; 0 for no limit. Default: `workerPrefetchMultiplier` (4). */
  prefetchMultiplier?: number;
  /** Node name; `@<machine>` is added to a plain one. Default: `celery@<machine>`. */
  hostname?: string;
  /** Warm shutdown on the first SIGTERM or SIGINT, forced on the second. Default false: the library leaves signals alone. */
  handleSignals?: boolean;
}

const SETTINGS = {
  queues: { check: nullable(textList), initial: null },
  concurrency: { check: nullable(number({ min: 1, integer: true })), initial: null },
  prefetchMultiplier: { check: nullable(number({ min: 0, integer: true })), initial: null },
  hostname: { check: nullable(text), initial: null },
  handleSignals: { check: boolean, initial: false },
};

export interface ResolvedOptions {
  readonly queues: readonly string[] | null;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly hostname: string;
  readonly handleSignals: boolean;
}

type Given = { [K in keyof WorkerOptions]-?: NonNullable<WorkerOptions[K]> | null };

export function resolveOptions(options: WorkerOptions, config: Readonly<Config>): ResolvedOptions {
  const given = checkSettings<Given>("worker option", SETTINGS, options);
  const concurrency = given.concurrency ?? config.workerConcurrency ?? availableParallelism();
  return {
    queues: given.queues,
    concurrency,
    prefetch: concurrency * (given.prefetchMultiplier ?? config.workerPrefetchMultiplier),
    hostname: nodeName(given.hostname ?? "celery"),
    handleSignals: given.handleSignals ?? false,
  };
}

/** A name without its machine is a name on this one, as in Celery. */
const nodeName = (name: string): string => (name.includes("@") ? name : `${name}@${machineName()}`);
