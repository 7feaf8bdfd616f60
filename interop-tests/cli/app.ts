import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";

/** The application of these tests; the command line, or `CLI_TEST_CONF`, says where it leads to. */
export const app = new Celery({
  broker: "memory://",
  ...(JSON.parse(process.env.CLI_TEST_CONF ?? "{}") as Partial<CeleryOptions>),
});

app.task("interop.add", (x: number, y: number) => x + y);
app.task("cli.fail", (text: string) => {
  throw new RangeError(text);
});
app.task("cli.again", { bind: true, maxRetries: 1 }, (self) => {
  throw self.retry({ countdown: 0.1, cause: new RangeError("once more") });
});
app.task("cli.log", { bind: true }, (self, secret: string) => {
  self.logger.warn("napping", { length: secret.length });
});
app.task("cli.echo", (n: number) => n);
app.task("cli.slow", { rateLimit: "1/h" }, (n: number) => n);

/** Runs until a file exists, or until it is told to stop. */
async function gate(path: string, signal?: AbortSignal): Promise<string> {
  while (!existsSync(path)) await sleep(20, undefined, signal ? { signal } : {});
  return "open";
}
app.task("cli.gate", { bind: true }, (self, path: string) => gate(path, self.signal));
app.task("cli.late", { bind: true, acksLate: true }, (self, path: string) => gate(path, self.signal));
/** Does not hear that it should stop. */
app.task("cli.deaf", (path: string) => gate(path));
