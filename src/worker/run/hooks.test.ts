import assert from "node:assert/strict";
import type { Celery } from "../../client/app.js";
import type { SignalName } from "../../client/signals.js";
import { deferred } from "../../util/deferred.js";
import { soon, stage } from "./stage.test.js";

/** Connects handlers that note the signal and what `show` makes of its payload. */
function listen(app: Celery, names: readonly SignalName[], note: (name: SignalName, payload: never) => void): void {
  for (const name of names)
    app.signals[name].connect((payload: unknown) => {
      note(name, payload as never);
    });
}

/** That a payload holds what is expected, and perhaps more. */
function has(payload: unknown, expected: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(expected)) {
    const found = (payload as Record<string, unknown>)[key];
    if (key === "request") has(found, value as Record<string, unknown>);
    else assert.deepEqual(found, value, key);
  }
}

describe("signals", () => {
  it("come in order, for a task that succeeds, one that fails and one that is tried again", async () => {
    const seen: string[] = [];
    const all = deferred();
    await using it = await stage((app) => {
      const names = ["taskReceived", "taskPrerun", "taskPostrun", "taskSuccess", "taskFailure", "taskRetry"] as const;
      listen(app, ["beforeTaskPublish", "afterTaskPublish", ...names], (name, payload: { task: string }) => {
        seen.push(`${payload.task} ${name}`);
        if (seen.filter((one) => one.endsWith("Success") || one.endsWith("Failure")).length === 3) all.resolve();
      });
      app.task("good", () => 1);
      app.task("bad", () => {
        throw new Error("x");
      });
      app.task("again", { bind: true }, (self) => {
        if (self.retries === 0) throw self.retry({ countdown: 0 });
      });
    });
    for (const name of ["good", "bad", "again"])
      await it.app
        .sendTask(name)
        .get(soon)
        .catch(() => undefined);
    await all.promise;
    const of = (name: string): string[] => seen.filter((one) => one.startsWith(name)).map((one) => one.split(" ")[1]!);
    const run = ["taskReceived", "taskPrerun", "taskPostrun"];
    // The broker may give a message out before it has told the sender that it has it.
    const sent = (names: string[]): string[] => names.filter((one) => one !== "afterTaskPublish");
    assert.deepEqual(sent(of("good")), ["beforeTaskPublish", ...run, "taskSuccess"]);
    assert.deepEqual(sent(of("bad")), ["beforeTaskPublish", ...run, "taskFailure"]);
    const again = ["beforeTaskPublish", ...run, "beforeTaskPublish", "taskRetry", ...run, "taskSuccess"];
    assert.deepEqual(sent(of("again")).sort(), again.sort());
    assert.equal(of("good").filter((one) => one === "afterTaskPublish").length, 1);
    assert.equal(of("again").filter((one) => one === "afterTaskPublish").length, 2);
  });

  it("say what Celery's say", async () => {
    const seen = new Map<string, Record<string, unknown>>();
    const done = deferred();
    await using it = await stage((app) => {
      listen(app, ["beforeTaskPublish", "taskPrerun", "taskPostrun", "taskSuccess"], (name, payload) => {
        seen.set(name, payload);
        if (name === "taskSuccess") done.resolve();
      });
      app.task("add", { params: ["x", "y"] }, (x: number, y: number) => x + y);
    });
    const sent = await it.app.sendTask("add", [1], { kwargs: { y: 2 } });
    await sent.get(soon);
    await done.promise;
    const before = seen.get("beforeTaskPublish") as { headers: Record<string, unknown>; properties: object };
    assert.deepEqual([before.headers.task, before.headers.id], ["add", sent.id]);
    has(before, { taskId: sent.id, task: "add", exchange: "", routingKey: "celery" });
    has(before.properties, { correlationId: sent.id, deliveryMode: 2 });
    const about = { taskId: sent.id, task: "add", request: { args: [1], kwargs: { y: 2 } } };
    has(seen.get("taskPrerun"), about);
    has(seen.get("taskPostrun"), { ...about, state: "SUCCESS", retval: 3 });
    has(seen.get("taskSuccess"), { ...about, result: 3 });
    assert.equal(typeof seen.get("taskSuccess")?.runtime, "number");
  });

  it("are for one task when a sender is given, end when disconnected, and what they throw changes nothing", async () => {
    const seen: string[] = [];
    await using it = await stage((app) => {
      app.signals.taskPrerun.connect(({ task }) => void seen.push(task), { sender: "two" });
      const off = app.signals.taskPrerun.connect(() => void seen.push("never"));
      off();
      for (const name of ["beforeTaskPublish", "taskPrerun", "taskPostrun"] as const)
        app.signals[name].connect(() => {
          throw new Error("a bad handler");
        });
      app.task("one", () => 1);
      app.task("two", () => 2);
    });
    assert.equal(await it.app.sendTask("one").get(soon), 1);
    assert.equal(await it.app.sendTask("two").get(soon), 2);
    assert.deepEqual(seen, ["two"]);
    assert.ok(it.logged.some(([level, text]) => level === "error" && text.includes("signal beforeTaskPublish failed")));
  });

  it("refuse a handler that is none", async () => {
    await using it = await stage(() => undefined);
    assert.throws(() => it.app.signals.taskPrerun.connect("log" as never), /taskPrerun is string; expected a function/);
  });

  it("may change headers and properties before a task is sent, and are waited for", async () => {
    await using it = await stage((app) => {
      app.signals.beforeTaskPublish.connect(async ({ headers, properties }) => {
        await new Promise((resolve) => setImmediate(resolve));
        headers.tenant = "acme";
        properties.priority = 7;
      });
      app.task("show", { bind: true }, (self) => [self.request.headers.tenant, self.request.deliveryInfo.priority]);
    });
    assert.deepEqual(await it.app.sendTask("show").get(soon), ["acme", 7]);
  });
});
