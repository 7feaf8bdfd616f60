import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { appModule, run, startCommand, startWorker } from "./command.js";

/** What is wrong is told in a sentence, with Celery's exit codes; no server is needed. */
describe("celeriac, used wrongly", function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = temporaryFolder("cli");
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "broken.js"), 'import "./missing.js";');
    writeFileSync(join(folder, "throws.js"), 'throw new TypeError("at its start");');
    writeFileSync(join(folder, "empty.js"), "export const nothing = 1;");
  });
  after(() => removeFolder(folder));

  for (const [what, args, code, text] of [
    ["no application", ["worker"], 2, /-A/],
    ["no such module", ["-A", "nope", "worker"], 2, /module nope was not found/],
    [
      "a module that imports what is not there",
      ["-A", "./broken.js", "worker"],
      2,
      /broken\.js failed:[^]*missing\.js/,
    ],
    ["a module that throws", ["-A", "throws", "worker"], 2, /TypeError: at its start\n\s+at .*throws\.js/],
    ["no application in it", ["-A", "empty.js", "worker"], 2, /exports no application/],
    ["no such export", ["-A", "empty.js:app", "worker"], 2, /no export app/],
    ["an export that is none", ["-A", "empty.js:nothing", "worker"], 2, /is no application/],
    ["an unknown option", ["-A", appModule, "worker", "--nope"], 2, /unknown option '--nope'/],
    ["a broker that cannot be meant", ["-A", appModule, "-b", "kafka://:pw@x", "worker"], 1, /kafka/],
    [
      "limits that cannot be meant",
      ["-A", appModule, "worker", "--time-limit", "1", "--soft-time-limit", "2"],
      1,
      /is above timeLimit/,
    ],
    ["nothing left to consume", ["-A", appModule, "worker", "-X", "celery"], 2, /-X leaves out all/],
    ["a log file that cannot be written", ["-A", appModule, "worker", "-f", "/nowhere/x.log"], 1, /nowhere/],
  ] as const)
    it(`${what}: exit code ${code}`, async () => {
      const result = await run(args, { cwd: folder });
      assert.equal(result.code, code, result.output);
      assert.match(result.output, text);
      assert.ok(!result.output.includes(":pw@"), "no password");
      assert.doesNotMatch(result.output, /Node\.js v|UnhandledPromise/);
    });

  it("holds a pidfile: a second worker ends with 73, a stale or broken one is replaced, it goes with the worker", async () => {
    const pidfile = join(folder, "w1.pid");
    const args = ["--pidfile", join(folder, "%n.pid"), "-n", "w1@x"];
    const first = await startWorker(args);
    try {
      assert.equal(readFileSync(pidfile, "utf8"), `${first.process.pid}\n`);
      const second = await run(["-A", appModule, "worker", ...args]);
      assert.equal(second.code, 73);
      assert.match(second.output, new RegExp(`already exists\\.\\n.*\\(pid: ${first.process.pid}\\)`));
      assert.ok(existsSync(pidfile));
    } finally {
      await first.end("SIGTERM", 10);
    }
    assert.ok(!existsSync(pidfile));
    for (const [left, said] of [
      [`${first.process.pid}\n`, /Stale pidfile/],
      ["no number", /Broken pidfile/],
    ] as const) {
      writeFileSync(pidfile, left);
      const next = await startWorker(args);
      await next.end("SIGTERM", 10);
      assert.match(next.output, said);
      assert.ok(!existsSync(pidfile));
    }
  });

  it("ends with 0 on SIGTERM while the broker cannot be reached", async () => {
    const worker = startCommand(["-A", appModule, "-b", "redis://127.0.0.1:1", "worker", "-l", "info"]);
    await worker.until(/127\.0\.0\.1:1[^]*ECONNREFUSED/, 20);
    worker.signal("SIGTERM");
    assert.deepEqual(await worker.ended, { code: 0, signal: null });
  });
});
