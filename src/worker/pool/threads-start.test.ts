import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Worker as Thread } from "node:worker_threads";
import { ImproperlyConfigured, QueueNotFound } from "../../errors.js";
import { newId } from "../../util/id.js";
import type { WorkerOptions } from "../options.js";
import { Worker } from "../worker.js";
import { makeApp } from "./fixtures/make-app.js";

const fixture = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url);

describe("threads pool: starting", function () {
  // Threads load everything for themselves, which takes its time on a busy machine.
  this.timeout(60_000);

  const refused: [what: string, options: WorkerOptions, text: RegExp][] = [
    ["without a module", {}, /needs the module that makes the application.*module: new URL/],
    ["with a module that is not there", { module: fixture("none") }, /cannot use .*none\.ts: .*Cannot find module/s],
    ["with a module that throws", { module: fixture("broken") }, /RangeError: this module cannot be loaded/],
    ["with a module that ends its thread", { module: fixture("ends") }, /exit code 7/],
    [
      "with a module that exports no application",
      { module: fixture("no-app") },
      /no application as "app" or as its default/,
    ],
    [
      "with another name than the module exports",
      { module: fixture("app"), export: "celery" },
      /no application as "celery"/,
    ],
    ["with a module that lacks tasks", { module: fixture("other-tasks") }, /does not define add, .* and \d+ more/],
    [
      "with a module that starts a worker",
      { module: fixture("starts-worker") },
      /starts-worker\.ts starts a worker.*put the application into a module of its own/s,
    ],
  ];
  for (const [what, options, text] of refused)
    it(`rejects ${what}`, async () => {
      const app = makeApp(`memory://${newId()}`);
      const worker = new Worker(app, { pool: "threads", concurrency: 1, ...options });
      await assert.rejects(worker.start(), (error) => {
        assert.ok(error instanceof ImproperlyConfigured, String(error));
        assert.match(error.message, text);
        return true;
      });
      assert.equal(worker.state, "stopped");
      await app.close();
    });

  it("ends its threads when the worker cannot start after all", async () => {
    const seen: string[] = [];
    const watch = (thread: Thread): void => {
      seen.push("started");
      thread.once("exit", () => seen.push("ended"));
    };
    process.on("worker", watch);
    const app = makeApp(`memory://${newId()}`, { taskCreateMissingQueues: false });
    const worker = new Worker(app, { pool: "threads", concurrency: 1, module: fixture("app"), queues: ["nowhere"] });
    await assert.rejects(worker.start(), QueueNotFound);
    process.off("worker", watch);
    assert.deepEqual(seen, ["started", "ended"]);
    await app.close();
  });

  it("takes a path, an application under any name, and what prepares it", async () => {
    const app = makeApp(`memory://${newId()}`);
    const prepareThreads = { module: fixture("prepare").href, data: { factor: 100 } };
    const options = { pool: "threads", concurrency: 1, export: "app", prepareThreads } as const;
    const worker = await new Worker(app, { ...options, module: fileURLToPath(fixture("app")) }).start();
    assert.equal(await app.sendTask("add", [1, 2]).get({ timeout: 15 }), 300);
    await worker.shutdown();
    await app.close();
  });
});

describe("threads pool: programs", function () {
  this.timeout(60_000);
  const run = promisify(execFile);
  const program = fileURLToPath(fixture("program"));
  const { resolve } = createRequire(import.meta.url);

  it("end by themselves, show what handlers print, and outlive a thread without memory", async () => {
    const tsx = pathToFileURL(resolve("tsx")).href;
    const env = { ...process.env, NODE_OPTIONS: `--import ${tsx} --max-old-space-size=80` };
    const { stdout } = await run(process.execPath, [program, "says", "out of memory", "nothing"], {
      env,
      timeout: 40_000,
    });
    assert.match(stdout, /^said by the handler$/m);
    assert.match(stdout, /^out of memory: Worker exited prematurely: exitcode 1\.$/m);
    assert.match(stdout, /^nothing: null$/m);
  });

  it("run under the tsx command", async () => {
    const { stdout } = await run(process.execPath, [resolve("tsx/cli"), program, "nothing"], { timeout: 40_000 });
    assert.equal(stdout.trim(), "nothing: null");
  });
});
