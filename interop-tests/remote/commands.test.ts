import assert from "node:assert/strict";
import type { Celery } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { deferred } from "../../src/util/deferred.js";
import { newId } from "../../src/util/id.js";
import { eventExchange, eventQueue } from "../../src/protocol/control.js";
import { decodeEvents } from "../../src/protocol/event.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { celeryCommand } from "./celery-command.js";

const NODE = "node@remote";

/** What nodes answered, by their names. */
type Replies = Readonly<Record<string, unknown>>;

/** Python's `app.control` and `celery control|inspect` against our worker, beside a Python worker that shares its news. */
for (const combination of deepCombinations)
  describe(`remote control: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let app: Celery;
    let python: PythonClient;
    let worker: Worker;
    let neighbour: PythonWorker;
    let nodeQueue: string;
    let pythonQueue: string;
    const ran: unknown[] = [];
    let release: () => void = () => undefined;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      nodeQueue = stage.extraQueue("node");
      pythonQueue = stage.extraQueue("python");
      app = stage.app();
      // As Python's task of this name: both workers are asked the same.
      app.task("interop.sleep", { bind: true }, async (self, seconds: number, value: unknown = null) => {
        ran.push(value);
        await new Promise<void>((resolve, reject) => {
          release = resolve;
          const timer = setTimeout(resolve, seconds * 1000);
          self.signal.addEventListener("abort", () => {
            clearTimeout(timer);
            reject(self.signal.reason as Error);
          });
        });
        return value;
      });
      app.task("interop.echo", (value: unknown = null) => value);
      python = await PythonClient.start(stage.target);
      worker = await new Worker(app, { queues: [nodeQueue], concurrency: 1, hostname: NODE }).start();
      await app.control.revoke("revoked-before-python-came");
      neighbour = await startPythonWorker({
        ...stage.target,
        queues: [pythonQueue],
        pool: "threads",
        neighbours: true,
      });
    });
    after(async () => {
      await worker?.shutdown({ how: "cold" });
      await neighbour?.kill();
      await python?.close();
      await stage?.close();
    });

    /** `app.control.broadcast`, answered by so many nodes. */
    async function ask(command: string, args: object = {}, nodes = 2): Promise<Replies> {
      const code = `
replies = app.control.broadcast(values["command"], arguments=values["args"], reply=True, timeout=8, limit=values["nodes"])
return {name: reply for one in replies for name, reply in one.items()}`;
      return (await python.run(code, { command, args, nodes })) as Replies;
    }

    const send = (value: unknown, options: object = {}): Promise<string> =>
      python.send("interop.sleep", [30, value], {}, { queue: nodeQueue, ...options });

    it("answers celery inspect ping, beside Python", async () => {
      const output = await celeryCommand(stage.target, "inspect", "ping");
      assert.match(output, new RegExp(`->\\s+${NODE}: OK\\s+pong`));
      assert.match(output, /2 nodes online/);
      const one = await celeryCommand(stage.target, "inspect", "-d", NODE, "ping");
      assert.match(one, /1 node online/);
    });

    it("shares what is revoked with a Python worker that starts", async () => {
      assert.match(neighbour.log, /mingle: sync with 1 nodes/);
      const { [NODE]: ours, [neighbour.hostname]: theirs } = await ask("revoked");
      assert.deepEqual(ours, ["revoked-before-python-came"]);
      assert.deepEqual(theirs, ours);
    });

    it("answers as Python does, word for word", async () => {
      const id = "6c1f7b1e-0000-4000-8000-000000000000";
      const questions: readonly (readonly [string, object])[] = [
        ["ping", {}],
        ["nosuch", {}],
        ["revoke", {}],
        ["revoke", { task_id: id }],
        ["revoke", { task_id: [id] }],
        ["revoke", { task_id: [] }],
        ["revoke", { task_id: id, terminate: true }],
        ["revoke", { task_id: id, terminate: true, signal: "nope" }],
        ["revoke", { task_id: id, terminate: true, signal: "NOPE" }],
        ["terminate", {}],
        ["terminate", { task_id: id, signal: "KILL" }],
        ["revoke_by_stamped_headers", { headers: { visit: ["a", 1], other: "b" } }],
        ["revoke_by_stamped_headers", { headers: ["visit=a", "other=b"], terminate: true }],
        ["revoke_by_stamped_headers", { headers: ["visit"] }],
        ["rate_limit", { task_name: "interop.echo", rate_limit: "10/m" }],
        ["registered", { taskinfoitems: ["rate_limit"] }],
        ["rate_limit", { task_name: "interop.echo", rate_limit: 2.5 }],
        ["rate_limit", { task_name: "interop.echo", rate_limit: 0 }],
        ["rate_limit", { task_name: "interop.echo", rate_limit: "ten" }],
        ["rate_limit", { task_name: "interop.echo", rate_limit: "10/d" }],
        ["rate_limit", { task_name: "interop.none", rate_limit: "10/m" }],
        ["rate_limit", { task_name: "interop.echo" }],
        ["rate_limit", { task_name: "interop.echo", rate_limit: null }],
        ["time_limit", { task_name: "interop.echo", soft: 10.5, hard: 20 }],
        ["time_limit", { task_name: "interop.echo", soft: null, hard: null }],
        ["time_limit", { task_name: "interop.none", soft: 1 }],
        ["enable_events", {}],
        ["enable_events", {}],
        ["disable_events", {}],
        ["disable_events", {}],
        ["disable_events", { unknown: 1 }],
        ["heartbeat", {}],
        ["active", {}],
        ["reserved", {}],
        ["scheduled", {}],
        ["query_task", { ids: [id] }],
        ["cancel_consumer", { queue: "never-consumed" }],
      ];
      for (const [command, args] of questions) {
        const { [NODE]: ours, [neighbour.hostname]: theirs } = await ask(command, args);
        const about = `${command} ${JSON.stringify(args)}`;
        // Which tasks there are is each side's own.
        if (command === "registered") {
          assert.ok((ours as string[]).includes("interop.echo [rate_limit=10/m]"), about);
          assert.ok((theirs as string[]).includes("interop.echo [rate_limit=10/m]"), about);
        } else assert.deepEqual(ours, theirs, about);
      }
    });

    it("shows tasks as Python does", async () => {
      const eta = "2099-01-02T03:04:05.678900+00:00";
      const ids: string[] = [];
      for (const queue of [nodeQueue, pythonQueue])
        for (const options of [{}, {}, { eta }])
          ids.push(await python.send("interop.sleep", [4, queue], {}, { queue, ...options }));
      const shape = (value: unknown): unknown =>
        Array.isArray(value)
          ? value.map(shape)
          : typeof value === "object" && value !== null
            ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shape(one)]))
            : typeof value;
      const states = { active: 1, reserved: 1, scheduled: 1 };
      for (const [command, count] of Object.entries(states)) {
        let replies: Replies = {};
        await until(async () => {
          replies = await ask(command);
          return Object.values(replies).every((one) => (one as unknown[]).length === count);
        });
        const { [NODE]: ours, [neighbour.hostname]: theirs } = replies;
        assert.deepEqual(shape(ours), shape(theirs), command);
        if (command === "scheduled")
          for (const one of [ours, theirs]) assert.equal((one as { eta: string }[])[0]?.eta, eta);
      }
      const found = await ask("query_task", { ids });
      for (const one of Object.values(found))
        assert.deepEqual(
          Object.values(one as Record<string, [string]>)
            .map(([state]) => state)
            .toSorted(),
          ["active", "reserved", "scheduled"],
        );
      await ask("revoke", { task_id: ids });
      release();
      await until(async () => ((await ask("active"))[NODE] as unknown[]).length === 0);
    });

    it("does not run what is revoked: waiting, at its time, or by its stamps", async () => {
      ran.length = 0;
      const running = await send("running");
      await until(() => ran.length === 1);
      const waiting = await send("waiting");
      const timed = await send("timed", { countdown: 1 });
      const stamped = await send("stamped", { stamped_headers: ["visit"], visit: ["v1", "v2"] });
      const stampedLater = await send("stamped later", { stamped_headers: ["visit"], visit: "v3", countdown: 1 });
      // Those of the test before still wait for their time.
      await until(async () => ((await ask("scheduled"))[NODE] as unknown[]).length === 3);
      await python.run(`app.control.revoke(values["ids"])`, { ids: [waiting, timed] });
      await python.run(`app.control.revoke_by_stamped_headers({"visit": ["v2", "v3"]})`);
      const output = await celeryCommand(stage.target, "control", "-d", NODE, "terminate", "KILL", running);
      assert.match(output, new RegExp(`terminate: ${running}`));
      const outcomes = await Promise.all([running, waiting, timed, stamped, stampedLater].map((id) => python.get(id)));
      assert.deepEqual(
        outcomes.map(({ raised }) => raised?.args),
        [["terminated"], ["revoked"], ["revoked"], ["revoked"], ["revoked"]],
      );
      for (const { raised } of outcomes) assert.equal(raised?.type, "TaskRevokedError");
      assert.deepEqual(ran, ["running"]);
    });

    it("tells monitors of what was revoked", async () => {
      await ask("enable_events");
      const listening = deferred();
      const { eventExchange: type = "topic" } = (await app.broker()).capabilities;
      const events = (await app.broker()).consume(
        [eventQueue(newId(), { exchange: eventExchange("celeryev", type), routingKey: "task.#" })],
        { noAck: true, onConnected: () => listening.resolve() },
      );
      await listening.promise;
      ran.length = 0;
      const first = await app.sendTask("interop.sleep", [30, "a"], { queue: nodeQueue });
      await until(() => ran.length === 1);
      const second = await app.sendTask("interop.sleep", [30, "b"], { queue: nodeQueue });
      const third = await app.sendTask("interop.sleep", [30, "c"], {
        queue: nodeQueue,
        expires: new Date(Date.now() + 1),
      });
      await second.revoke();
      await first.revoke({ terminate: true, signal: "SIGUSR1" });
      const byId = new Map<string, unknown>();
      for await (const { message } of events) {
        for (const event of decodeEvents(message, null)) {
          if (event.type !== "task-revoked") continue;
          const { uuid, terminated, signum, expired, hostname } = event;
          byId.set(uuid, { uuid, terminated, signum, expired, hostname });
        }
        if (byId.size === 3) break;
      }
      const event = { terminated: false, signum: null, expired: false, hostname: NODE };
      assert.deepEqual(byId.get(first.id), { ...event, uuid: first.id, terminated: true, signum: 10 });
      assert.deepEqual(byId.get(second.id), { ...event, uuid: second.id });
      assert.deepEqual(byId.get(third.id), { ...event, uuid: third.id, expired: true });
      await ask("disable_events");
    });

    it("changes rate and time limits from the command line", async () => {
      const rate = await celeryCommand(stage.target, "control", "-d", NODE, "rate_limit", "interop.echo", "4/s");
      assert.match(rate, /new rate limit set successfully/);
      const started = Date.now();
      const ids: string[] = [];
      for (let n = 0; n < 4; n++) ids.push(await python.send("interop.echo", [n], {}, { queue: nodeQueue }));
      for (const [n, id] of ids.entries()) assert.deepEqual(await python.get(id), { value: n });
      assert.ok(Date.now() - started >= 700, "three of them waited");
      await app.control.rateLimit("interop.echo", 0);
      const time = await celeryCommand(
        stage.target,
        "control",
        "-d",
        NODE,
        "time_limit",
        "interop.sleep",
        "0.1",
        "0.3",
      );
      assert.match(time, /time limits set successfully/);
      const { raised } = await python.call("interop.sleep", [20], {}, { queue: nodeQueue });
      assert.equal(raised?.type, "SoftTimeLimitExceeded");
      await app.control.timeLimit("interop.sleep", {});
    });

    it("takes a further queue and leaves it", async () => {
      const queue = stage.extraQueue("added");
      const code = `return app.control.add_consumer(values["queue"], destination=[values["node"]], reply=True, limit=1)`;
      assert.deepEqual(await python.run(code, { queue, node: NODE }), [{ [NODE]: { ok: `add consumer ${queue}` } }]);
      assert.deepEqual(await python.call("interop.echo", ["added"], {}, { queue }), { value: "added" });
      const reply = { [NODE]: { ok: `no longer consuming from ${queue}` } };
      const cancel = `return app.control.cancel_consumer(values["queue"], destination=[values["node"]], reply=True, limit=1)`;
      assert.deepEqual(await python.run(cancel, { queue, node: NODE }), [reply]);
      await python.send("interop.echo", ["left"], {}, { queue });
      await until(async () => (await python.size(queue)) === 1);
    });

    it("shuts down when it is told so, and Python has seen nothing odd", async () => {
      const run = worker.run();
      await celeryCommand(stage.target, "control", "-t", "0.3", "-d", NODE, "shutdown");
      await run;
      assert.deepEqual(await ask("ping", {}, 1), { [neighbour.hostname]: { ok: "pong" } });
      // What these tests asked wrongly on purpose is an error in its log, and nothing else is.
      const errors = neighbour.log
        .split("\n")
        .filter((line) => /\b(ERROR|CRITICAL)\b/.test(line) && !/pidbox command error|unknown task/.test(line));
      assert.deepEqual(errors, []);
    });
  });
