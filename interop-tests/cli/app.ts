import { setTimeout as sleep } from "node:timers/promises";
import { Celery } from "../../src/index.js";

/** The application of these tests: `celeriac -A interop-tests/cli/app.ts worker`. */
export const app = new Celery({
  broker: "memory://never-used",
  ...(JSON.parse(process.env.CLI_TEST_CONF ?? "{}") as Partial<ConstructorParameters<typeof Celery>[0]>),
});

app.task("t.add", (x: number, y: number) => x + y);
app.task("t.fail", (text: string) => {
  throw new RangeError(text);
});
app.task("t.again", { bind: true, maxRetries: 1 }, (self) => {
  throw self.retry({ countdown: 0.1, cause: new RangeError("once more") });
});
app.task("t.log", { bind: true }, (self, secret: string) => {
  self.logger.warn("napping", { length: secret.length });
});
app.task("t.nap", { bind: true }, (self, seconds: number) => sleep(seconds * 1000, seconds, { signal: self.signal }));
app.task("t.late", { bind: true, acksLate: true }, (self, seconds: number) =>
  sleep(seconds * 1000, seconds, { signal: self.signal }),
);
app.task("t.deaf", (seconds: number) => sleep(seconds * 1000, seconds));
app.task("t.slow", { rateLimit: "1/h" }, (n: number) => n);
