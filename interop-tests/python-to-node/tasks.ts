import type { Celery, TaskContext } from "../../src/index.js";
import { Ignore, Reject } from "../../src/index.js";

/** An error with a name and fields of its own. */
export class PaymentError extends Error {
  override readonly name = "PaymentError";
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The TypeScript tasks that Python calls in these tests. */
export function defineTasks(app: Celery): void {
  app.task("node.add", { params: ["x", "y"] }, (x: number, y: number) => x + y);
  app.task("node.keywords", { params: ["first", "second"] }, (first: unknown, second: unknown = "default") => ({
    first,
    second,
  }));
  app.task("node.echo", (value: unknown = null) => value);
  app.task("node.arguments", (...values: unknown[]) => values);
  app.task("node.kinds", (value: unknown) => [typeof value, (value as object | null)?.constructor?.name ?? null]);
  app.task("node.nothing", () => undefined);
  app.task("node.fail", (message: string = "it broke") => {
    throw new Error(message);
  });
  app.task("node.fail_type", () => {
    throw new TypeError("not that type");
  });
  app.task("node.fail_custom", () => {
    throw new PaymentError(402, "no funds");
  });
  app.task("node.fail_odd", () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- JavaScript may throw anything
    throw "only a text";
  });
  app.task("node.fail_cause", () => {
    throw new Error("outer", { cause: new RangeError("inner") });
  });
  app.task("node.sleep", async (seconds: number, value: unknown = null) => {
    await pause(seconds);
    return value;
  });
  app.task("node.tracked", { trackStarted: true }, async () => {
    await pause(0.3);
    return "done";
  });
  app.task("node.progress", { bind: true }, async (self: TaskContext, steps: number, seconds?: number) => {
    for (let current = 1; current <= steps; current++) {
      await self.updateState("PROGRESS", { current, total: steps });
      await pause(seconds ?? 0.15);
    }
    return { steps };
  });
  app.task("node.flaky", { bind: true, maxRetries: 5 }, (self: TaskContext, failures: number) => {
    if (self.retries < failures) throw self.retry({ cause: new Error(`attempt ${self.retries}`), countdown: 0 });
    return self.retries;
  });
  app.task("node.hopeless", { bind: true, maxRetries: 1, defaultRetryDelay: 0 }, (self: TaskContext) => {
    throw self.retry({ cause: new Error("hopeless") });
  });
  app.task(
    "node.request",
    { bind: true, params: ["a", "b"] },
    (self: TaskContext, _a: unknown, _b: unknown) => self.request,
  );
  app.task("node.ignored", () => {
    throw new Ignore();
  });
  app.task("node.rejected", { acksLate: true }, () => {
    throw new Reject("not wanted", { requeue: false });
  });
  app.task("node.silent", { ignoreResult: true }, () => "nobody sees this");
  app.task("node.big", (size: number) => "x".repeat(size));
  app.task("node.unwritable", () => Symbol("a value that no serializer knows"));
}
