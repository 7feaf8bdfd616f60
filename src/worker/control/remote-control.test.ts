import assert from "node:assert/strict";
import { Celery, type CeleryOptions } from "../../client/app.js";
import type { Message } from "../../protocol/message.js";
import type { Broker } from "../../brokers/broker.js";
import {
  controlExchange,
  decodeControlReply,
  encodeControlRequest,
  replyExchange,
  replyQueue,
} from "../../protocol/control.js";
import { encodeContent } from "../../protocol/serializers/registry.js";
import { deferred } from "../../util/deferred.js";
import { newId } from "../../util/id.js";
import type { WorkerOptions } from "../options.js";
import { Worker } from "../worker.js";
import { until } from "../../testing/harness.js";

const soon = { timeout: 10 };
type Ask = (method: string, args?: Readonly<Record<string, unknown>>, options?: object) => Promise<unknown>;

/** A worker, and a caller that waits for its reply. */
async function setUp(
  define: (app: Celery) => void,
  options: WorkerOptions = {},
  settings: Partial<CeleryOptions> = {},
): Promise<{ app: Celery; broker: Broker; worker: Worker; ask: Ask; logged: [string, unknown][] } & AsyncDisposable> {
  const name = newId();
  const logged: [string, unknown][] = [];
  const note = (message: string, fields?: object): void => void logged.push([message, fields]);
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, warn: note, error: note };
  const app = new Celery({ broker: `memory://${name}`, backend: `memory://${name}`, logger, ...settings });
  define(app);
  const worker = await new Worker(app, { concurrency: 2, hostname: "node@host", ...options }).start();
  const broker = await app.broker();
  const oid = newId();
  const listening = deferred();
  const replies = broker.consume([replyQueue(oid)], { noAck: true, onConnected: () => listening.resolve() });
  const waiting = new Map<string, (value: unknown) => void>();
  const reading = (async () => {
    for await (const { message } of replies) {
      const reply = decodeControlReply(message, null);
      waiting.get(reply.ticket ?? "")?.(reply.replies[worker.hostname]);
    }
  })();
  await listening.promise;
  const ask: Ask = async (method, args = {}, more = {}) => {
    const ticket = newId();
    const answer = deferred<unknown>();
    waiting.set(ticket, (value) => answer.resolve(value));
    const replyTo = { exchange: replyExchange().name, routingKey: oid };
    const request = { method, arguments: args, ticket, replyTo, ...more };
    await broker.publish(encodeControlRequest(request, { clock: 1 }), { exchange: controlExchange(), routingKey: "" });
    return answer.promise;
  };
  const end = async (): Promise<void> => {
    await worker.shutdown({ how: "cold" });
    await replies.close();
    await reading;
    await app.close();
  };
  return { app, broker, worker, ask, logged, [Symbol.asyncDispose]: end };
}

/** A task that runs until it is let go. */
function gated(): { define: (app: Celery) => void; ran: number[]; open: () => void } {
  const gate = deferred();
  const ran: number[] = [];
  return {
    ran,
    open: () => gate.resolve(),
    define: (app) =>
      app.task("gated", { bind: true }, async (self, n: number) => {
        ran.push(n);
        const stopped = new Promise((_, reject) =>
          self.signal.addEventListener("abort", () => reject(new Error("stop"))),
        );
        await Promise.race([gate.promise, stopped]);
        return n;
      }),
  };
}

describe("remote control of a worker", () => {
  it("answers, and says what is wrong in Python's words", async () => {
    await using it = await setUp((app) => app.task("t", () => 1));
    assert.deepEqual(await it.ask("ping"), { ok: "pong" });
    assert.deepEqual(await it.ask("nosuch"), { error: "KeyError('nosuch')" });
    assert.deepEqual(await it.ask("__proto__"), { error: "KeyError('__proto__')" });
    assert.deepEqual(await it.ask("revoke"), {
      error: `TypeError("revoke() missing 1 required positional argument: 'task_id'")`,
    });
    assert.deepEqual(await it.ask("terminate"), {
      error: `TypeError("terminate() missing 2 required positional arguments: 'signal' and 'task_id'")`,
    });
    assert.deepEqual(await it.ask("enable_events", { x: 1 }), {
      error: `TypeError("enable_events() got an unexpected keyword argument 'x'")`,
    });
    assert.deepEqual(await it.ask("ping", { x: 1 }), { ok: "pong" });
  });

  it("obeys destination and pattern", async () => {
    await using it = await setUp(() => undefined);
    const addressed = [
      { destination: ["other@host"] },
      { pattern: "other*", matcher: "glob" },
      { pattern: "oth.*", matcher: "pcre" },
      { pattern: "x", matcher: "soundex" },
    ];
    const unanswered = addressed.map((options) => it.ask("ping", {}, options).then(() => assert.fail("not for it")));
    for (const options of [
      { destination: ["other@host", "node@host"] },
      { pattern: "node@*", matcher: "glob" },
      { pattern: "n[ao]de", matcher: "pcre" },
    ])
      assert.deepEqual(await it.ask("ping", {}, options), { ok: "pong" });
    await Promise.race([Promise.all(unanswered), it.ask("ping")]);
  });

  it("goes on hearing after messages that are none (a Python worker goes deaf)", async () => {
    await using it = await setUp(() => undefined);
    const publish = (message: Message): Promise<void> =>
      it.broker.publish(message, { exchange: controlExchange(), routingKey: "" });
    const bodies = [1, null, [], "text", {}, { method: 5 }, { method: "ping", arguments: 3 }, { method: "" }];
    for (const body of bodies) await publish({ ...encodeContent(body, "json"), headers: {}, properties: {} });
    const ping = encodeContent({ method: "ping", matcher: "x", pattern: "y", destination: null }, "json");
    for (const clock of [null, "x", -1, 1e300, {}]) await publish({ ...ping, headers: { clock }, properties: {} });
    const json = { contentType: "application/json", contentEncoding: "utf-8", headers: {}, properties: {} };
    await publish({ ...json, body: Buffer.from("{") });
    await publish({ ...json, contentType: "application/x-python-serialize", body: Buffer.from("cos\nsystem\n.") });
    assert.deepEqual(await it.ask("ping"), { ok: "pong" });
    assert.ok(it.logged.length >= bodies.length);
  });

  it("does not run what is revoked: waiting, with a time, with a rate", async () => {
    const { define, ran, open } = gated();
    await using it = await setUp(
      (app) => {
        define(app);
        app.task("limited", { rateLimit: "20/s" }, (n: number) => n);
      },
      { concurrency: 1 },
    );
    const { app } = it;
    await app.sendTask("gated", [0]);
    await until("the next step", () => ran.length === 1);
    const later = new Date(Date.now() + 150);
    const waiting = await app.sendTask("gated", [1]);
    const timed = await app.sendTask("gated", [2], { eta: later });
    const limited = await Promise.all([0, 1, 2].map((n) => app.sendTask("limited", [n])));
    const last = limited[2]!;
    const ids = [waiting.id, timed.id, last.id];
    await until("the next step", async () => ((await it.ask("scheduled")) as unknown[]).length === 1);
    const reply = await it.ask("revoke", { task_id: ids });
    assert.deepEqual(reply, { ok: `tasks {${ids.map((id) => `'${id}'`).join(", ")}} flagged as revoked` });
    // Celery 5.7: at once, not only when its turn comes.
    for (const id of ids) assert.equal(await app.asyncResult(id).state(), "REVOKED");
    open();
    assert.equal(await limited[0]!.get(soon), 0);
    await assert.rejects(waiting.get(soon), /revoked/);
    await until("the next step", () => Date.now() > later.getTime() + 50);
    assert.deepEqual(ran, [0]);
    assert.deepEqual(await it.ask("revoked"), ids);
  });

  it("leaves a result that is there, and a task that runs, as they are", async () => {
    const { define, ran, open } = gated();
    await using it = await setUp((app) => {
      define(app);
      app.task("done", () => "done");
    });
    const done = await it.app.sendTask("done");
    assert.equal(await done.get(soon), "done");
    const running = await it.app.sendTask("gated", [0]);
    await until("the next step", () => ran.length === 1);
    await it.ask("revoke", { task_id: [done.id, running.id] });
    assert.equal(await it.app.asyncResult(done.id).state(), "SUCCESS");
    assert.equal(await it.app.asyncResult(running.id).state(), "PENDING");
    open();
    assert.equal(await running.get(soon), 0);
  });

  it("terminates what runs", async () => {
    const { define, ran } = gated();
    await using it = await setUp(define);
    const running = await it.app.sendTask("gated", [0]);
    await until("the next step", () => ran.length === 1);
    const wrong = { task_id: running.id, terminate: true };
    assert.deepEqual(await it.ask("revoke", { ...wrong, signal: "term" }), {
      error: "TypeError('signal name must be uppercase string.')",
    });
    assert.deepEqual(await it.ask("revoke", { ...wrong, signal: "NOPE" }), {
      error: `AttributeError("module 'signal' has no attribute 'SIGNOPE'")`,
    });
    assert.deepEqual(await it.ask("terminate", { task_id: newId(), signal: 9 }), { ok: "terminate: tasks unknown" });
    assert.deepEqual(await it.ask("terminate", { task_id: [running.id], signal: "KILL" }), {
      ok: `terminate: ${running.id}`,
    });
    await assert.rejects(running.get(soon), /terminated/);
  });

  it("limits rates and times while it runs", async () => {
    const { define } = gated();
    await using it = await setUp((app) => {
      define(app);
      app.task("quick", { rateLimit: "1/h" }, (n: number) => n);
    });
    const { ask } = it;
    const unlimited = { ok: "rate limit disabled successfully" };
    const limited = { ok: "new rate limit set successfully" };
    assert.deepEqual(await ask("registered"), ["gated", "quick [rate_limit=1/h]"]);
    const sent = await Promise.all([0, 1, 2, 3].map((n) => it.app.sendTask("quick", [n])));
    assert.equal(await sent[0]!.get(soon), 0);
    for (const [rate, reply] of [
      ["abc", { error: `Invalid rate limit string: ValueError("could not convert string to float: 'abc'")` }],
      ["5/x", { error: "KeyError('x')" }],
      ["100/m", limited],
      [0, unlimited],
      [5, limited],
      [null, unlimited],
    ] as const)
      assert.deepEqual(await ask("rate_limit", { task_name: "quick", rate_limit: rate }), reply, String(rate));
    assert.deepEqual(await ask("rate_limit", { task_name: "none", rate_limit: 1 }), { error: "unknown task" });
    for (const [n, one] of sent.entries()) assert.equal(await one.get(soon), n);
    assert.deepEqual(await ask("registered"), ["gated", "quick"]);
    assert.ok(((await ask("registered", { builtins: true })) as string[]).includes("celery.chord_unlock"));

    const times = { ok: "time limits set successfully" };
    assert.deepEqual(await ask("time_limit", { task_name: "gated", soft: null, hard: 0.05 }), times);
    await assert.rejects(it.app.sendTask("gated", [0]).get(soon), /TimeLimitExceeded|time limit/);
    assert.deepEqual(await ask("time_limit", { task_name: "none", soft: 1 }), { error: "unknown task" });
    assert.match(JSON.stringify(await ask("time_limit", { task_name: "gated", soft: "x" })), /TypeError/);
  });

  it("takes further queues and leaves them", async () => {
    await using it = await setUp((app) => app.task("t", () => "t"));
    assert.deepEqual(await it.ask("add_consumer", { queue: "more" }), { ok: "add consumer more" });
    assert.equal(await it.app.sendTask("t", [], { queue: "more" }).get(soon), "t");
    assert.deepEqual(await it.ask("cancel_consumer", { queue: "more" }), { ok: "no longer consuming from more" });
    await it.app.sendTask("t", [], { queue: "more" });
    await until("the next step", async () => (await it.broker.size("more")) === 1);
    assert.deepEqual(await it.ask("add_consumer", { queue: "odd", exchange_type: "odd" }), {
      error: "ValueError('exchange_type must be one of direct, topic, fanout, headers')",
    });
    const routed = { queue: "routed", exchange: "numbers", exchange_type: "topic", routing_key: "n.*", durable: "x" };
    assert.deepEqual(await it.ask("add_consumer", routed), { ok: "add consumer routed" });
    const sent = it.app.sendTask("t", [], { exchange: "numbers", routingKey: "n.1" });
    assert.equal(await sent.get(soon), "t");
    assert.deepEqual(await it.ask("add_consumer", { queue: 5 }), {
      error: "TypeError('queue must be the name of a queue')",
    });
  });

  it("tells neighbours what is revoked, and hears it from them", async () => {
    await using it = await setUp(() => undefined);
    await it.ask("revoke", { task_id: "a" });
    const { revoked, clock } = (await it.ask("hello", { from_node: "py@host", revoked: ["b"] })) as {
      revoked: string[];
      clock: number;
    };
    assert.deepEqual(revoked, ["a", "b"]);
    assert.ok(Number.isInteger(clock));
    await it.ask("hello", { from_node: "py@host", revoked: { c: [12.5, "c"] } });
    assert.deepEqual(await it.ask("revoked"), ["a", "b", "c"]);
    assert.equal(await it.ask("hello", { from_node: "node@host" }), null);
  });

  it("shuts down, without a reply", async () => {
    const it = await setUp(() => undefined);
    const run = it.worker.run();
    await it.app.control.shutdown({ destination: ["node@host"] });
    await run;
    assert.equal(it.worker.state, "stopped");
    await it[Symbol.asyncDispose]();
  });

  it("hears nothing when it is switched off", async () => {
    await using it = await setUp(() => undefined, {}, { workerEnableRemoteControl: false });
    await it.app.control.shutdown();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(it.worker.state, "running");
  });

  it("keeps no message from going back while a command takes long", async () => {
    const started = deferred();
    const store = deferred();
    const handler = deferred();
    const define = (app: Celery): void =>
      void app.task("work", async () => {
        started.resolve();
        await handler.promise;
      });
    await using it = await setUp(define, {}, { taskAcksLate: true });
    await it.app.sendTask("work");
    await started.promise;
    const backend = await it.app.backend();
    const asked = deferred();
    backend.load = async () => {
      asked.resolve();
      await store.promise;
      return null;
    };
    void it.ask("revoke", { task_id: "elsewhere" });
    await asked.promise;
    let stopped = false;
    const stopping = it.worker.shutdown({ how: "cold" }).then(() => (stopped = true));
    await until("the next step", async () => stopped || (await it.broker.size("celery")) === 1);
    assert.ok(!stopped, "before the command is given up");
    store.resolve();
    handler.resolve();
    await stopping;
  });
});
