import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Celery } from "../../src/index.js";
import { startPythonWorker } from "../python/worker.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { all, appModule, built, root, run, startCommand, startWorker } from "./command.js";

/** What an operator reads: the banner, the lines, and the options that change them. */
for (const combination of deepCombinations)
  describe(`celeriac worker, what it says: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let app: Celery;
    let folder: string;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      app = stage.app();
      folder = temporaryFolder("cli");
    });
    after(async () => {
      if (folder) removeFolder(folder);
      await stage?.close();
    });
    const broker = (): string => stage.options.broker as string;
    /** All but where the broker is. */
    const conf = (): Record<string, unknown> => {
      const { broker: _, ...others } = stage.options;
      return others;
    };

    it("has Celery's banner and Celery's lines", async () => {
      const queues = [stage.extraQueue("a"), stage.extraQueue("much-longer-than-sixteen")];
      const args = ["-b", broker(), "-Q", queues.join(","), "-c", "1", "-n", "w1@%h"];
      const add = (): unknown => app.sendTask("interop.add", [2, 3], { queue: queues[0]! });
      const ours = await startWorker(args, { conf: conf() });
      await add();
      await ours.until(/succeeded in/, 20).finally(() => ours.end("SIGTERM", 10));
      const theirs = await startPythonWorker({ ...stage.target, queues });
      await add();
      await theirs.logged(/succeeded in/).finally(() => theirs.stop());
      const [mine, python] = [ours.output, theirs.log];
      const table = (text: string): string[] => all(text, /^.*(\.> \S+ +exchange=.*)$/gm);
      assert.equal(table(mine).length, 2);
      assert.deepEqual(table(mine), table(python));
      const settings = (text: string): string[] => all(text, /\.> ([a-z ]+):/g);
      assert.deepEqual(settings(mine), settings(python));
      const common = (text: string): string[] => [
        ...new Set(
          text
            .split("\n")
            .filter((line) => /Task interop|ready\.|Connected to/.test(line))
            .map((line) => line.replace(/[-\da-f]{36}/, "ID").replace(/in [\d.e-]+s/, "in Ns"))
            .map((line) => line.replace(/^\[[\d]{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: /, "[TIME: "))
            .map((line) => line.replace(/(w1|py-\w+)@\S+/, "NODE").replace(/Connected to .*/, "Connected to URL")),
        ),
      ];
      assert.deepEqual(common(mine), [
        "[TIME: INFO/MainProcess] Connected to URL",
        "[TIME: INFO/MainProcess] NODE ready.",
        "[TIME: INFO/MainProcess] Task interop.add[ID] received",
        "[TIME: INFO/MainProcess] Task interop.add[ID] succeeded in Ns: 5",
      ]);
      for (const line of common(python)) assert.ok(common(mine).includes(line), line);
      assert.match(mine, new RegExp(`w1@${hostname()} ready\\.`));
      assert.match(mine, /\.> concurrency: 1 \(async\)/);
      assert.match(mine, / {2}\. interop\.add\n/);
      assert.ok(!mine.includes("\u001b"), "no colours beside a terminal");
    });

    it("tells of failures, retries and what tasks log; of arguments it tells nothing", async () => {
      const queue = stage.extraQueue("cli");
      const worker = await startWorker(["-b", broker(), "-Q", queue, "-P", "solo"], { conf: conf() });
      try {
        for (const [name, args] of [
          ["cli.fail", ["oh"]],
          ["cli.again", []],
          ["cli.log", ["my-secret"]],
        ] as const)
          await app.sendTask(name, args, { queue });
        await worker.until(/cli\.again\[\S+\] raised unexpected: RangeError\('once more'\)/, 20);
        await worker.until(/cli\.log\[\S+\] succeeded/, 20);
      } finally {
        await worker.end("SIGTERM", 10);
      }
      const { output } = worker;
      assert.match(
        output,
        /ERROR\/MainProcess\] Task cli\.fail\[\S+\] raised unexpected: RangeError\('oh'\)\nRangeError: oh\n {4}at .*app\.ts/,
      );
      assert.match(
        output,
        /INFO\/MainProcess\] Task cli\.again\[\S+\] retry: Retry in 0\.1s: RangeError\('once more'\)/,
      );
      assert.match(output, /WARNING\/MainProcess\] cli\.log\[\S+\]: napping length=9\n/);
      assert.doesNotMatch(output, /my-secret/);
      assert.match(output, /\.> concurrency: 1 \(async\)/);
    });

    it("writes JSON, and threads write it too, into a file with the node's name", async () => {
      const queue = stage.extraQueue("cli");
      const logs = ["--log-format", "json", "-f", join(folder, "%n.log"), "-n", "logger@%h", "-l", "debug"];
      const worker = startCommand(
        ["-A", appModule, "-b", broker(), "worker", "-P", "threads", "-c", "1", "-Q", queue, ...logs],
        {
          conf: conf(),
        },
      );
      try {
        const call = app.sendTask("cli.log", ["xyz"], { queue });
        await call.get({ timeout: 30 });
        const failed = app.sendTask("cli.fail", ["oh"], { queue });
        await failed.get({ timeout: 30 }).catch(() => undefined);
      } finally {
        await worker.end("SIGTERM", 10);
      }
      assert.equal(worker.output, "", "nothing elsewhere");
      const lines = readFileSync(join(folder, "logger.log"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      for (const { time, level, message } of lines)
        assert.ok(/^\d{4}-.*Z$/.test(String(time)) && typeof level === "string" && typeof message === "string");
      const find = (part: string): Record<string, unknown> =>
        lines.find(({ message }) => (message as string).includes(part)) ?? assert.fail(`no line says ${part}`);
      assert.deepEqual(find("worker starts").queues, [queue]);
      assert.equal(find("napping").length, 3);
      assert.equal(find("napping").task, "cli.log");
      const { error } = find("raised unexpected") as { error: Record<string, unknown> };
      assert.equal(error.type, "RangeError");
      assert.equal(error.message, "oh");
      assert.match(String(error.stack), /at /);
      find("Warm shutdown");
    });

    it("leaves queues out (-X), purges (--purge), and says nothing but warnings by default", async () => {
      const [kept, left] = [stage.extraQueue("kept"), stage.extraQueue("left")];
      for (const queue of [kept, left]) await app.sendTask("cli.echo", [1], { queue });
      const env = { CELERY_WORKER_CONCURRENCY: "3", CELERY_BROKER_URL: broker(), CELERY_APP: appModule };
      const worker = startCommand(["worker", "--purge", "-Q", `${kept},${left}`, "-X", left, "-E", "-C"], {
        conf: conf(),
        env,
      });
      try {
        await worker.until(/key=/, 20);
        assert.equal(await app.sendTask("cli.echo", [2], { queue: kept }).get({ timeout: 20 }), 2);
      } finally {
        await worker.end("SIGTERM", 10);
      }
      const { output } = worker;
      assert.match(output, /purge: Erased 1 message from the queue\./);
      assert.match(output, /\.> concurrency: 3 \(async\)/);
      assert.match(output, /\.> task events: ON/);
      assert.doesNotMatch(output, new RegExp(left));
      assert.doesNotMatch(output, /INFO|\[tasks\]/);
      assert.equal(await (await app.broker()).size(left), 1);
    });

    it("runs as it was built, a JavaScript and a TypeScript application beside it", async function () {
      if (!existsSync(built)) {
        assert.ok(!process.env.CI, "dist/ is missing: npm run build");
        return this.skip();
      }
      const project = join(folder, "project");
      mkdirSync(join(project, "node_modules"), { recursive: true });
      for (const name of ["tsx"]) symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
      symlinkSync(root, join(project, "node_modules", "celeriac"));
      writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
      const queue = stage.extraQueue("built");
      const typescript = `
        import { Celery } from "celeriac";
        const url: string = "redis://nowhere.invalid";
        export const app: Celery = new Celery({ broker: url, ...JSON.parse(process.env.CLI_TEST_CONF!) });
        app.task("cli.built", (x: number): number => x * 2);
        export default { not: "it" };`;
      writeFileSync(join(project, "typed.ts"), typescript);
      writeFileSync(join(project, "proj.js"), typescript.replace(/: (string|number|Celery)\b/g, "").replace("!)", ")"));
      for (const [module, more] of [
        ["proj", []],
        ["./typed.ts:app", ["--import", "tsx"]],
      ] as const) {
        const options = { cwd: project, conf: conf(), built: true };
        const worker = startCommand(
          ["-A", module, ...more, "-b", broker(), "worker", "-Q", queue, "-l", "info"],
          options,
        );
        try {
          await worker.until(/ ready\./, 20);
          assert.equal(await app.sendTask("cli.built", [21], { queue }).get({ timeout: 20 }), 42);
        } finally {
          await worker.end("SIGTERM", 10);
        }
      }
      const { code, output } = await run(["-A", "typed.ts", "worker"], { cwd: project, conf: conf(), built: true });
      // Newer versions of Node read TypeScript themselves; then it is the broker that is wrong.
      if (!("typescript" in process.features && process.features.typescript)) {
        assert.equal(code, 2);
        assert.match(output, /--import tsx/);
      }
    });
  });
