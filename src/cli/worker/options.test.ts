import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { Command } from "commander";
import { Celery } from "../../client/app.js";
import { addGlobalOptions } from "../global-options.js";
import { type WorkerArguments, addWorkerOptions, chosenQueues, workerOptions } from "./options.js";

function parse(...args: string[]): WorkerArguments {
  const program = new Command("celeriac").exitOverride().configureOutput({ writeErr: () => undefined });
  addGlobalOptions(program);
  const command = program
    .command("worker")
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  addWorkerOptions(command);
  program.parse(args, { from: "user" });
  return command.optsWithGlobals<WorkerArguments>();
}
const app = new Celery({ broker: "memory://options", taskQueues: { a: {}, b: {}, c: {} } });
const loaded = { app, name: "./app.js", module: "file:///app.js", export: "app" };
const options = (...args: string[]): unknown => workerOptions(parse("worker", ...args), loaded);
const own = { queues: ["a", "b", "c"], module: "file:///app.js", export: "app" };

describe("options of celeriac worker", () => {
  it("are left to the application where they are not given", () => assert.deepEqual(options(), own));

  it("become options of the worker", () => {
    const args = "-Q a,b -Q d -c 3 -P threads -E -n w1 --prefetch-multiplier 2 --time-limit 5.5 --soft-time-limit 4";
    const more =
      "--max-tasks-per-child 10 --max-memory-per-child 1000 --disable-prefetch -S /s --heartbeat-interval 5 -O fair";
    assert.deepEqual(options(...args.split(" "), ...more.split(" ")), {
      ...{ ...own, queues: ["a", "b", "d"], concurrency: 3, pool: "threads", taskEvents: true, hostname: "w1" },
      ...{ prefetchMultiplier: 2, timeLimit: 5.5, softTimeLimit: 4, maxTasksPerChild: 10, maxMemoryPerChild: 1000 },
      ...{ stateDb: "/s", disablePrefetch: true, heartbeatInterval: 5 },
    });
    assert.deepEqual(options("--pool=solo", "-c", "8", "--events"), {
      ...{ ...own, concurrency: 1, pool: "async", taskEvents: true },
    });
    assert.deepEqual(options("-c", "auto", "--without-heartbeat"), {
      ...{ ...own, concurrency: availableParallelism(), heartbeatInterval: 0 },
    });
    assert.deepEqual(options("-c", "0"), own, "as in Celery, the setting's");
  });

  it("leave queues out", () => {
    assert.deepEqual(chosenQueues(parse("worker", "-X", "b"), loaded), ["a", "c"]);
    assert.deepEqual(chosenQueues(parse("worker", "-Q", "b,z", "-X", "b"), loaded), ["z"]);
    assert.throws(() => chosenQueues(parse("worker", "-X", "a,b,c"), loaded), /leaves out all/);
  });

  it("may stand on either side of the command's name, where they belong to every command", () => {
    for (const args of [
      ["-A", "x", "-b", "memory://", "worker", "-l", "info"],
      ["worker", "-l", "Info", "-A", "x", "-b", "memory://"],
    ]) {
      const { app: module, broker, loglevel } = parse(...args);
      assert.deepEqual({ module, broker, loglevel }, { module: "x", broker: "memory://", loglevel: "INFO" });
    }
  });

  it("come from the environment, too", () => {
    const variables = {
      CELERY_WORKER_CONCURRENCY: "7",
      CELERY_WORKER_TASK_EVENTS: "0",
      CELERY_WORKER_PURGE: "1",
      NO_COLOR: "1",
    };
    const before = { ...process.env };
    try {
      Object.assign(process.env, variables);
      const given = parse("worker");
      assert.deepEqual([given.concurrency, given.taskEvents, given.purge, given.color], [7, undefined, true, false]);
      assert.equal(parse("worker", "-c", "2").concurrency, 2, "the command line wins");
    } finally {
      process.env = before;
    }
  });

  for (const [args, why] of [
    [["-P", "prefork"], /threads/],
    [["-P", "gevent"], /async/],
    [["-P", "what"], /async, threads, solo/],
    [["-l", "loud"], /DEBUG/],
    [["-c", "x"], /whole number/],
    [["-c", "-1"], /whole number/],
    [["--time-limit", "0"], /above 0/],
    [["-Q", ","], /names/],
    [["-D"], /service manager/],
    [["-B"], /celery beat/],
    [["--autoscale", "10,3"], /-c/],
  ] as const)
    it(`${args.join(" ")} is refused`, () => assert.throws(() => parse("worker", ...args), why));
});
