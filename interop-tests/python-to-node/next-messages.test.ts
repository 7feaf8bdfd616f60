import assert from "node:assert/strict";
import type { RetryOptions } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { PythonClient } from "../python/client.js";
import type { RawMessage } from "../python/client.js";
import { newestCelery } from "../python/venvs.mjs";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { needShared } from "../servers/shared.js";
import { combinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";

/** How a task asks for its next attempt, under Python's names. */
type How = Readonly<Record<string, unknown>>;

interface Case {
  readonly what: string;
  /** Sends the task whose id and queue are in `values`; `how` is in them, too. */
  readonly send: string;
  readonly how?: How;
}

const retried = (what: string, how: How, args = "(1, 2)", kwargs = "{}", options = ""): Case => ({
  what,
  how: { countdown: 600, ...how },
  send: `
s = app.signature("interop.again", args=${args}, kwargs=dict(${kwargs}, how=values["how"]))
s.apply_async(task_id=values["id"], queue=values["queue"]${options})`,
});

const replaced = (what: string, options: string, more = "", tail = ""): Case => ({
  what,
  send: `
s = app.signature("interop.replaced", args=("interop.add", [1, 2], dict(queue=values["next"]${more})))
(s${tail}).apply_async(queue=values["queue"], task_id=values["id"]${options})`,
});

const links = `, link=app.signature("interop.note", args=("p",)), link_error=app.signature("interop.note_id")`;
const stamps = ', stamped_headers=["tenant"], tenant="acme"';
const cases: readonly Case[] = [
  retried("a retry", {}),
  retried("a retry with other arguments", { args: [7, 8, 9] }),
  retried("args alone, in the place of keywords", { args: [7, 8] }, "(1,)", '{"y": 2, "z": 3}'),
  retried("no args", { args: [] }, "()", '{"x": 1, "y": 2}'),
  retried("kwargs alone, in the place of args", { kwargs: { y: 8, how: null } }),
  retried("kwargs alone, elsewhere", { kwargs: { z: 9 } }),
  retried("both", { args: [7], kwargs: { z: 9 } }),
  retried("floats that are whole", {}, "(1.0, [2.0])"),
  retried("a retry with limits of its own", { time_limit: 50, soft_time_limit: 40, priority: 5 }),
  retried("a retry that keeps its limits", {}, "(1, 2)", "{}", ", time_limit=9, soft_time_limit=8, priority=3"),
  retried("a retry with headers and a shadow", {}, "(1, 2)", "{}", ', headers={"tenant": "acme"}, shadow="shown"'),
  retried("a retry with what follows it", {}, "(1, 2)", "{}", links),
  retried("a retry that ignores its result", {}, "(1, 2)", "{}", ", ignore_result=True, expires=900"),
  retried("a retry with stamps", {}, "(1, 2)", "{}", stamps),
  retried(
    "a retry of a member of a tree",
    {},
    "(1, 2)",
    "{}",
    ', root_id="root", parent_id="parent", group_id="g", group_index=2',
  ),
  replaced("a replacement", ""),
  replaced("a replacement with links on both sides", links, ', link=app.signature("interop.add", args=(5,))'),
  replaced("a replacement of a task with stamps", stamps),
  replaced("a replacement of a task with headers", ', headers={"tenant": "acme"}, shadow="shown", priority=5'),
  replaced("a replacement that waits", ', root_id="root", parent_id="parent"', ", countdown=600, time_limit=30"),
  {
    what: "a replacement in the middle of a chain",
    send: `
first = app.signature("interop.replaced", args=("interop.add", [1, 2], dict(queue=values["next"])))
then = app.signature("interop.add", args=(5,), queue="then").set(task_id="second")
last = app.signature("interop.note", args=("p",)).set(task_id="third")
(first.set(task_id=values["id"]) | then | last).apply_async(queue=values["queue"])`,
  },
  replaced("a replacement inside a group", ', root_id="root", group_id="g", group_index=1'),
];

/** Camel case for `self.retry`. */
const ours = (how: How): RetryOptions =>
  Object.fromEntries(
    Object.entries(how).map(([name, value]) => [
      name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

/** What a message says, without what is each run's own. For whether results are ignored see docs/differences.md. */
function told({ headers, properties, body }: RawMessage): object {
  const { eta, expires, origin, lang, ignore_result, ...rest } = headers;
  assert.equal(typeof lang, "string");
  assert.equal(typeof origin, "string");
  const { correlation_id, reply_to, priority, delivery_mode } = properties;
  return {
    ...{ headers: { ...rest, ignored: ignore_result ?? false, eta: typeof eta, expires: typeof expires } },
    ...{ correlation_id, replies: typeof reply_to, priority, delivery_mode },
    body: Buffer.from(body).toString(),
  };
}

for (const combination of combinations.filter(
  ({ broker, backend, version }) => broker.name === "redis" && backend.name === "redis" && version === newestCelery,
))
  describe(`What follows a task, as Python sends it: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;
    let pythonWorker: PythonWorker;
    let next: string;
    let theirs: string;

    before(async function () {
      await needShared(this, "redis");
      stage = await openStage(combination);
      next = stage.extraQueue("next");
      theirs = stage.extraQueue("theirs");
      const app = stage.app();
      const names = ["x", "y", "z", "how"] as [string, string, string, string];
      app.task(
        "interop.again",
        { bind: true, params: names },
        (self, _x: unknown, _y: unknown, _z: unknown, how: How) => {
          throw self.retry(ours(how));
        },
      );
      app.task("interop.replaced", { bind: true }, (self, name: string, args: unknown[], options: How) => {
        const { link, ...rest } = ours(options) as { link?: { args: unknown[]; task: string } };
        const signature = app.signature(name, args, rest);
        throw self.replace(link ? signature.link(app.signature(link.task, link.args)) : signature);
      });
      app.task("node.triple", (n: number) => 3 * n);
      worker = await new Worker(app, { concurrency: 1 }).start();
      [python, pythonWorker] = await Promise.all([
        PythonClient.start(stage.target),
        startPythonWorker({ ...stage.target, queues: [theirs] }),
      ]);
    });
    after(async () => {
      await python?.close();
      await pythonWorker?.stop();
      await worker?.shutdown();
      await stage?.close();
    });

    for (const [index, { what, send, how = {} }] of cases.entries())
      it(what, async () => {
        const all: object[] = [];
        for (const queue of [theirs, stage.queue]) {
          await python.run(send, { queue, next, id: `task-${index}`, how: { ...how, queue: next } });
          const message = await python.take(next, 10);
          assert.ok(message, `nothing came from ${queue === theirs ? "Python" : "us"}`);
          all.push(told(message));
        }
        assert.deepEqual(all[1], all[0]);
      });

    it("gives the result of what took its place, whichever side that runs on", async () => {
      const to = (queue: string): [string, unknown[], object] => ["interop.add", [1, 2], { queue }];
      assert.deepEqual(await python.call("interop.replaced", to(theirs), {}, { queue: stage.queue }), { value: 3 });
      const ours = ["node.triple", [5], { queue: stage.queue }];
      assert.deepEqual(await python.call("interop.replaced", ours, {}, { queue: theirs }), { value: 15 });
      // Ours by Python's, which is replaced by ours.
      const both = ["interop.replaced", ours, { queue: theirs }];
      assert.deepEqual(await python.call("interop.replaced", both, {}, { queue: stage.queue }), { value: 15 });
    });
  });
