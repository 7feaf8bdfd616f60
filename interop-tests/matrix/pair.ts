import type { Celery } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import type { BackendDriver, BrokerDriver } from "../drivers/driver.js";
import { recordingLogger } from "../expect.js";
import type { LogLine } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { newestCelery } from "../python/venvs.mjs";
import { startPythonWorker } from "../python/worker.js";
import { defineTasks } from "../python-to-node/tasks.js";
import { openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { nodeCaller, pythonCaller } from "./callers.js";
import { nodeTasks, pythonTasks, tryCalls } from "./calls.js";
import type { Caller, Tasks } from "./calls.js";
import { errorLine, exceptionsIn } from "./error-line.js";
import { within } from "./limit.js";
import type { Cell, Direction, Failure } from "./report.js";

/** Seconds for a thing to start, for all calls of one direction, and for a thing of ours to close. */
const limits = { start: 60, calls: 75, close: 20 };

/** One broker with one result backend: all directions over it. Nothing that it starts outlives it. */
export async function tryPair(broker: BrokerDriver, backend: BackendDriver): Promise<Record<Direction, Cell>> {
  const name = `${broker.name} with ${backend.name}`;
  const stage = openStage({ broker, backend, version: newestCelery, name });
  try {
    return await tryStage(await within(limits.start, "preparing broker and result backend", stage));
  } catch (error) {
    const cell = [failed("set-up", error)];
    return { "node-to-python": cell, "python-to-node": cell, "python-to-python": cell };
  }
}

async function tryStage(stage: Stage): Promise<Record<Direction, Cell>> {
  const nodeQueue = stage.extraQueue("node");
  const { lines, logger } = recordingLogger();
  const workerApp = stage.app({ logger, taskDefaultQueue: nodeQueue });
  defineTasks(workerApp);
  const pythonSide = startPythonSide(stage);
  const nodeSide = startNodeSide(workerApp, lines);
  const worker = { python: await pythonSide, node: await nodeSide };
  const python = new PythonProgram(stage);
  // Ours first: Celery's Cassandra client fails while nobody has made the table of results, which the first result does.
  const cells = {
    "node-to-python": await fromNode(stage.app(), stage.queue, worker.python, pythonTasks),
    "python-to-node": await python.calls(nodeQueue, worker.node, nodeTasks),
    "python-to-python": await python.calls(stage.queue, worker.python, pythonTasks),
  };
  await python.close();
  await worker.python.stop();
  return {
    ...cells,
    "python-to-node": [...cells["python-to-node"], ...(await closing("worker", worker.node.stop()))],
    "node-to-python": [...cells["node-to-python"], ...(await closing("application", stage.close()))],
  };
}

/** What tasks raise because that is what they are for. */
const intended = /it broke|attempt \d/;

/** A worker, or why there is none. */
interface Side {
  readonly failed?: Failure;
  /** Begins to listen to what the worker itself tells of errors: the answer is the last one since then. */
  listen(): () => string | undefined;
  stop(): Promise<void>;
}

const noSide = (error: unknown): Side => ({
  failed: failed("worker", error),
  listen: () => () => undefined,
  stop: () => Promise.resolve(),
});

async function startPythonSide(stage: Stage): Promise<Side> {
  try {
    const worker = await startPythonWorker({ ...stage.target, queues: [stage.queue] });
    // Not what is tested: it is ended in the quickest way.
    return {
      listen: () => {
        const since = worker.log.length;
        return () => exceptionsIn(worker.log.slice(since)).findLast((line) => !intended.test(line));
      },
      stop: () => worker.kill(),
    };
  } catch (error) {
    return noSide(error);
  }
}

async function startNodeSide(app: Celery, lines: readonly LogLine[]): Promise<Side> {
  const worker = new Worker(app, { concurrency: 10 });
  try {
    await within(limits.start, "starting our worker", worker.start());
  } catch (error) {
    return noSide(error);
  }
  return {
    listen: () => {
      const since = lines.length;
      return () => {
        const line = lines.slice(since).findLast(({ level }) => level === "error");
        return line && `${line.message}${line.fields.error ? ` (${errorLine(line.fields.error)})` : ""}`;
      };
    },
    stop: () => worker.shutdown(),
  };
}

/** A Python program that calls: after something failed another one, for Celery's client may be left in any state. */
class PythonProgram {
  #client: PythonClient | undefined;

  constructor(readonly stage: Stage) {}

  async calls(queue: string, worker: Side, tasks: Tasks): Promise<Cell> {
    if (worker.failed) return [worker.failed];
    try {
      this.#client ??= await PythonClient.start(this.stage.target);
    } catch (error) {
      return [failed("client", error)];
    }
    const cell = await throughCalls(pythonCaller(this.#client, queue), worker, tasks);
    if (cell.length > 0) await this.close();
    return cell;
  }

  async close(): Promise<void> {
    await this.#client?.close();
    this.#client = undefined;
  }
}

async function fromNode(app: Celery, queue: string, worker: Side, tasks: Tasks): Promise<Cell> {
  return worker.failed ? [worker.failed] : throughCalls(nodeCaller(app, queue), worker, tasks);
}

async function throughCalls(caller: Caller, worker: Side, tasks: Tasks): Promise<Cell> {
  const heard = worker.listen();
  const done = within(limits.calls, "all calls together", tryCalls(caller, tasks));
  const failures = await done.catch((error: unknown) => [failed("calls", error)]);
  const said = failures.length > 0 && heard();
  return said ? [...failures, { call: "the worker said", error: errorLine(said) }] : failures;
}

const failed = (call: string, error: unknown): Failure => ({ call, error: errorLine(error) });

/** What of ours does not close is a failure of its own. */
const closing = (what: string, ended: Promise<void>): Promise<Cell> =>
  within(limits.close, `closing the ${what}`, ended).then(
    () => [],
    (error: unknown) => [failed("close", error)],
  );
