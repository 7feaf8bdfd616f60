import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { WorkerOptions } from "../../worker/index.js";
import type { LoadedApp } from "../load-app.js";
import { LEVELS, type LevelName } from "../log-record.js";
import { usageError } from "../exit-codes.js";
import type { GlobalOptions } from "../global-options.js";
import { names, option, seconds, whole } from "../options.js";

/** What `celeriac worker` was told, under commander's names. */
export interface WorkerArguments extends GlobalOptions {
  readonly hostname?: string;
  readonly statedb?: string;
  readonly loglevel: LevelName;
  readonly logfile?: string;
  readonly jsonLogs?: boolean;
  readonly logFormat?: "text" | "json";
  readonly pidfile?: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly umask?: number;
  readonly prefetchMultiplier?: number;
  readonly disablePrefetch?: boolean;
  readonly concurrency?: number;
  readonly pool?: "async" | "threads" | "solo";
  readonly taskEvents?: boolean;
  /** The same under its other name, as are `discard` and `logFormat`. */
  readonly events?: boolean;
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly maxTasksPerChild?: number;
  readonly maxMemoryPerChild?: number;
  readonly purge?: boolean;
  readonly discard?: boolean;
  readonly queues?: readonly string[];
  readonly excludeQueues?: readonly string[];
  readonly include?: readonly string[];
  readonly withoutGossip?: boolean;
  readonly withoutMingle?: boolean;
  readonly withoutHeartbeat?: boolean;
  readonly heartbeatInterval?: number;
  readonly shutdownTimeout?: number;
}

const VARIABLES = "CELERY_WORKER_";

/** Celery's options of `celery worker` (celery/bin/worker.py), and what those say that make no sense here. */
export function addWorkerOptions(command: Command): void {
  const add = (flags: string, description: string, change: (one: Option) => Option = (one) => one): void => {
    const name = new Option(flags).long!.slice(2).replaceAll("-", "_").toUpperCase();
    command.addOption(change(option(flags, description, VARIABLES + name)));
  };
  add("-n, --hostname <name>", "node name, such as w1@%h (%h machine with domain, %n name, %d domain)");
  add("-Q, --queues <names>", "queues to consume, with commas between them", (one) => one.argParser(names));
  add("-X, --exclude-queues <names>", "queues to leave out", (one) => one.argParser(names));
  add("-c, --concurrency <number>", "tasks run at once, or auto for the number of processors", (one) =>
    one.argParser((text) => (text.toLowerCase() === "auto" ? availableParallelism() : whole(0)(text))),
  );
  add("-P, --pool <pool>", "async (the event loop), threads, or solo (async, one at a time)", (one) =>
    one.argParser(pool),
  );
  add("-E, --task-events", "tell monitors of each task");
  command.addOption(option("--events", "the same as -E").hideHelp());
  add("-l, --loglevel <level>", `${LEVELS.join(", ")}, in any case`, (one) => one.default("WARNING").argParser(level));
  add("-f, --logfile <path>", "log file instead of stderr (%n, %h and %d as in the node name)");
  add("--json-logs", "log lines as JSON objects, also instead of the banner");
  command.addOption(option("--log-format <format>", "text or json").choices(["text", "json"]).hideHelp());
  add("--pidfile <path>", "file that holds the process id while the worker runs (%n, %h, %d)");
  add("-S, --statedb <path>", "file that keeps revoked tasks over a restart (%n, %h, %d)");
  add("--time-limit <seconds>", "hard time limit of tasks", (one) => one.argParser(seconds({ above: 0 })));
  add("--soft-time-limit <seconds>", "soft time limit of tasks", (one) => one.argParser(seconds({ above: 0 })));
  add("--max-tasks-per-child <number>", "threads: tasks after which a thread is replaced", (one) =>
    one.argParser(whole(1)),
  );
  add("--max-memory-per-child <kib>", "threads: memory above which a thread is replaced", (one) =>
    one.argParser(whole(1)),
  );
  add("--prefetch-multiplier <number>", "messages reserved for each task at once; 0 for no limit", (one) =>
    one.argParser(whole(0)),
  );
  add("--disable-prefetch", "reserve nothing that does not run at once (Redis)");
  add("--purge", "remove the messages of its queues first");
  command.addOption(option("--discard", "the same as --purge").hideHelp());
  add("-I, --include <modules>", "further modules to load, with commas between them", (one) => one.argParser(names));
  add("--without-gossip", "taken for the sake of Celery: other workers are not listened to");
  add("--without-mingle", "taken for the sake of Celery: other workers are not asked for what was revoked");
  add("--without-heartbeat", "send no heartbeats to monitors");
  add("--heartbeat-interval <seconds>", "seconds between them", (one) => one.argParser(seconds({ above: 0 })));
  add("--shutdown-timeout <seconds>", "seconds after which a warm shutdown becomes cold", (one) =>
    one.argParser(seconds()),
  );
  add("-O, --optimization <profile>", "default or fair; both are fair here", (one) => one.choices(["default", "fair"]));
  add("--uid <user>", "go on as this user");
  add("--gid <group>", "go on as this group");
  add("--umask <mask>", "of the files it makes, such as 027", (one) => one.argParser(octal));
  for (const [flags, why] of REFUSED) {
    const refused = new Option(flags).hideHelp();
    command
      .addOption(refused)
      .on(`option:${refused.name()}`, () => command.error(`error: ${flags.split(" [")[0]} is not supported: ${why}`));
  }
}

const REFUSED = [
  ["-D, --detach", "a service manager (systemd, a container) keeps it in the background, or nohup celeriac ... &"],
  ["-B, --beat", "run Python's celery beat beside it: it sends tasks to workers of any language"],
  ["-s, --schedule [path]", "run Python's celery beat beside it"],
  ["--schedule-filename [path]", "run Python's celery beat beside it"],
  ["--scheduler [name]", "run Python's celery beat beside it"],
  ["--autoscale [range]", "use -c with the largest number: what does not run costs nothing here"],
  ["--pool-start-method [method]", "there are no child processes here"],
  ["--executable [path]", "start the command with the Node that it should run in"],
] as const;

const OTHER_POOLS: Readonly<Record<string, string>> = {
  prefork: "use threads, which have time limits that stop code, as prefork has",
  processes: "use threads, which have time limits that stop code, as prefork has",
  eventlet: "use async: handlers share the event loop, as green threads would",
  gevent: "use async: handlers share the event loop, as green threads would",
};

function pool(text: string): string {
  const name = text.toLowerCase();
  if (["async", "threads", "solo"].includes(name)) return name;
  throw new InvalidArgumentError(
    OTHER_POOLS[name]
      ? `There is no ${name} in Node: ${OTHER_POOLS[name]}.`
      : "Allowed choices are async, threads, solo.",
  );
}

function level(text: string): string {
  const name = text.toUpperCase();
  if ((LEVELS as readonly string[]).includes(name)) return name;
  throw new InvalidArgumentError(`Allowed choices are ${LEVELS.join(", ")}.`);
}

function octal(text: string): number {
  if (!/^(0o)?[0-7]{1,4}$/.test(text)) throw new InvalidArgumentError("expected an octal number such as 027.");
  return parseInt(text.replace("0o", ""), 8);
}

/** The names of the queues to consume, for `-Q` and `-X`. */
export function chosenQueues({ queues, excludeQueues = [] }: WorkerArguments, { app }: LoadedApp): readonly string[] {
  const all = queues ?? app.queues.configured.map(({ name }) => name);
  const left = [...new Set(all)].filter((name) => !excludeQueues.includes(name));
  if (left.length === 0) throw usageError(`nothing is left to consume: -X leaves out all of ${all.join(", ")}`);
  return left;
}

/** Options of the worker, from those of the command line; what is not given is left to the application. */
export function workerOptions(given: WorkerArguments, loaded: LoadedApp): WorkerOptions {
  const { pool: name, concurrency: number, withoutHeartbeat } = given;
  // 0 is the application's, as in Celery.
  const concurrency = name === "solo" ? 1 : number || undefined;
  const heartbeatInterval = withoutHeartbeat ? 0 : given.heartbeatInterval;
  return defined({
    queues: chosenQueues(given, loaded),
    concurrency,
    prefetchMultiplier: given.prefetchMultiplier,
    disablePrefetch: given.disablePrefetch,
    hostname: given.hostname,
    pool: name === "solo" ? "async" : name,
    module: loaded.module,
    export: loaded.export,
    taskEvents: given.taskEvents ?? given.events,
    heartbeatInterval,
    timeLimit: given.timeLimit,
    softTimeLimit: given.softTimeLimit,
    maxTasksPerChild: given.maxTasksPerChild,
    maxMemoryPerChild: given.maxMemoryPerChild,
    stateDb: given.statedb,
  });
}

type Given<T> = { [K in keyof T]: T[K] | undefined };

const defined = (options: Given<WorkerOptions>): WorkerOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
