import assert from "node:assert/strict";
import { once, EventEmitter } from "node:events";
import { Celery } from "celeriac";
import { Worker } from "celeriac/worker";
import { type Span, traceTasks } from "./tracing.js";

describe("example: traces", () => {
  it("go from a caller through everything that its task causes", async () => {
    await using app = new Celery({ broker: "memory://tracing", backend: "memory://tracing" });
    const spans: Span[] = [];
    const progress = new EventEmitter();
    traceTasks(app, (span) => {
      spans.push(span);
      if (spans.length === 4) progress.emit("all");
    });
    const child = app.task("child", () => 1);
    const next = app.task("next", () => 2);
    const first = app.task("first", { bind: true }, async (self): Promise<void> => {
      if (self.retries === 0) throw self.retry({ countdown: 0 });
      await child.delay();
    });
    const all = once(progress, "all");
    await using _worker = await new Worker(app).start();

    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    await first.applyAsync([], { headers: { traceparent }, link: next.si() });
    await all;

    assert.ok(spans.every(({ trace }) => trace === "a".repeat(32)));
    const by = (name: string): Span | undefined => spans.find((one) => one.name === `run/${name}`);
    assert.equal(by("first")?.parent, "b".repeat(16));
    assert.equal(by("child")?.parent, by("first")?.span);
    assert.equal(by("next")?.parent, by("first")?.span);
  });
});
