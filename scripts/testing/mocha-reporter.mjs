/**
 * Mocha's own "spec" report, and two things more: the totals go to the file named by CELERIAC_TOTALS, and a process
 * that does not end by itself after its last test is ended and counted as a failure, with what held it open.
 */
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

const GRACE_MS = 10_000;

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const totals = { passed: 0, failed: 0, skipped: 0, slow: [], failures: [] };
    const write = () => {
      if (process.env.CELERIAC_TOTALS) writeFileSync(process.env.CELERIAC_TOTALS, JSON.stringify(totals));
    };
    runner.on("pass", (test) => {
      totals.passed++;
      totals.slow.push([test.duration ?? 0, test.fullTitle()]);
    });
    // A failed hook counts too: it stands for the tests that could not run.
    runner.on("fail", (test) => {
      totals.failed++;
      totals.failures.push(test.fullTitle());
    });
    runner.on("pending", () => totals.skipped++);
    runner.once("end", () => {
      totals.slow = totals.slow.sort(([a], [b]) => b - a).slice(0, 5);
      write();
      const watchdog = setTimeout(() => {
        totals.failed++;
        totals.failures.push("the process did not end by itself after the last test");
        write();
        console.error(`\n  The process did not end by itself within ${GRACE_MS / 1000} s. Still open:`);
        for (const handle of process._getActiveHandles()) console.error(`    ${describe(handle)}`);
        console.error(`    resources: ${process.getActiveResourcesInfo().join(", ")}`);
        process.exit(1);
      }, GRACE_MS);
      watchdog.unref();
    });
  }
}

/** One line about a socket, server, child process or stream. */
function describe(handle) {
  const name = handle.constructor?.name ?? "handle";
  if (handle.spawnargs) return `${name} ${handle.pid}: ${handle.spawnargs.slice(0, 6).join(" ")}`;
  if (handle.remotePort) return `${name} ${handle.localPort} -> ${handle.remoteAddress}:${handle.remotePort}`;
  if (handle.fd !== undefined) return `${name} fd ${handle.fd}`;
  return name;
}
