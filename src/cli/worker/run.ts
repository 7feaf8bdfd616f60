import { resolve } from "node:path";
import { CeleryError } from "../../errors.js";
import { after } from "../../util/time.js";
import { formatForNode, nodeName } from "../../worker/node-name.js";
import { type ResolvedOptions, resolveOptions } from "../../worker/options.js";
import { Worker } from "../../worker/worker.js";
import { CliError, EXIT } from "../exit-codes.js";
import { type LoadedApp, load, loadApp } from "../load-app.js";
import { ConsoleLogger } from "../logger.js";
import type { ThreadPreparation } from "../prepare-thread.js";
import { takePidfile } from "../pidfile.js";
import { dropPrivileges } from "../privileges.js";
import { type Facts, banner, platform, taskList, taskNames } from "./banner.js";
import { type WorkerArguments, workerOptions } from "./options.js";
import { purge } from "./purge.js";
import { ShutdownBySignals } from "./shutdown.js";
import { within } from "../within.js";

const PREPARE = new URL("../prepare-thread.js", import.meta.url).href;

/** Seconds that connections may take to close when the worker has stopped. */
const CLOSE_TIMEOUT = 5;

/** Runs a worker until it is told to stop; resolves to the exit code. */
export async function runWorker(given: WorkerArguments): Promise<number> {
  outliveReaders();
  if (given.workdir !== undefined) changeFolder(given.workdir);
  const loaded = await loadApp(given);
  for (const module of given.include ?? []) await load(module);
  dropPrivileges(given);
  if (given.umask !== undefined) process.umask(given.umask);
  const hostname = nodeName(given.hostname ?? null);
  const release = given.pidfile === undefined ? undefined : takePidfile(formatForNode(given.pidfile, hostname));
  try {
    return await runHere({ ...given, hostname }, loaded);
  } catch (error) {
    if (error instanceof CeleryError) throw new CliError(error.message, { cause: error });
    throw error;
  } finally {
    release?.();
  }
}

async function runHere(given: WorkerArguments & { readonly hostname: string }, loaded: LoadedApp): Promise<number> {
  const { app } = loaded;
  const json = given.jsonLogs === true || given.logFormat === "json";
  const file = given.logfile === undefined ? undefined : resolve(formatForNode(given.logfile, given.hostname));
  const color = given.color && file === undefined && process.stderr.isTTY;
  const logging = { level: given.loglevel, file, json, color };
  const logger = new ConsoleLogger(logging);
  app.override({ logger });
  process.on("unhandledRejection", (error) => logger.error("a promise was rejected and nobody looked", { error }));
  const { broker, resultBackend } = given;
  const data: ThreadPreparation = { broker, resultBackend, logger: logging };
  const options = { ...workerOptions(given, loaded), prepareThreads: { module: PREPARE, data } };
  const worker = new Worker(app, options);
  const signals = new ShutdownBySignals(worker, {
    say: (line) => (json ? logger.warn(line) : say(line)),
    timeout: given.shutdownTimeout,
    remapSigterm: process.env.REMAP_SIGTERM === "SIGQUIT",
  });
  // A broker without connections (memory://) keeps no process alive.
  const alive = after(Number.MAX_SAFE_INTEGER, () => undefined);
  try {
    const facts = await describe(loaded, resolveOptions(options, app.conf), logger.isLevelEnabled("DEBUG"));
    if (given.purge || given.discard) await purge(app, facts.queues, { logger, signal: signals.asked });
    if (!given.quiet) introduce(facts, logger, json);
    if (!signals.asked.aborted) await worker.run();
  } catch (error) {
    if (!(error instanceof CeleryError)) logger.log("CRITICAL", "the worker stopped", { error });
    else logger.log("CRITICAL", error.message);
    return EXIT.FAILURE;
  } finally {
    alive.cancel();
    signals.release();
    if (!signals.hard) await within(CLOSE_TIMEOUT, app.close(), () => logger.warn("connections did not close in time"));
    // What else the application holds open (a pool of a database, a timer) does not keep a worker alive.
    setImmediate(() => process.exit());
  }
  return signals.exitCode;
}

async function describe({ app, name }: LoadedApp, options: ResolvedOptions, builtins: boolean): Promise<Facts> {
  const [broker, backend] = await Promise.all([app.broker(), app.backend()]);
  return {
    hostname: options.hostname,
    app: name,
    transport: broker.displayUrl,
    results: backend.displayUrl,
    concurrency: options.concurrency,
    pool: options.pool,
    taskEvents: options.config.workerSendTaskEvents,
    queues: options.queues.map((queue) => app.queues.get(queue)),
    tasks: taskNames(app, builtins),
  };
}

function introduce(facts: Facts, logger: ConsoleLogger, json: boolean): void {
  if (json) {
    const queues = facts.queues.map(({ name }) => name);
    return logger.info("worker starts", { ...facts, queues, platform: platform() });
  }
  process.stdout.write(banner(facts));
  if (logger.isLevelEnabled("INFO")) process.stdout.write(taskList(facts.tasks));
}

/** As Celery says it: apart from the log, with an empty line before it. */
const say = (line: string): void => void process.stdout.write(`\n${line}\n`);

/** Whoever read our output may be gone: that ends no task. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

function changeFolder(folder: string): void {
  try {
    process.chdir(folder);
  } catch (error) {
    throw new CliError(`--workdir ${folder}: ${(error as Error).message}`, { exitCode: EXIT.USAGE, cause: error });
  }
}
