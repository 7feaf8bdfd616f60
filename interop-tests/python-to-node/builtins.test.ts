import assert from "node:assert/strict";
import { Float } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { recordingLogger } from "../expect.js";
import { backends, brokers } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import type { Outcome } from "../python/client.js";
import { celeryVersions, newestCelery } from "../python/venvs.mjs";
import type { CeleryVersion } from "../python/venvs.mjs";
import { startPythonWorker } from "../python/worker.js";
import type { PythonWorker } from "../python/worker.js";
import { needShared } from "../servers/shared.js";
import { openStage } from "../stage.js";
import type { Combination, Stage } from "../stage.js";
import { defineTasks } from "./tasks.js";

/**
 * Celery's own tasks in our worker: maps and chunks of Node's tasks, and chords over stores that cannot count. Their
 * header runs in Python; the task that waits for it, `celery.chord_unlock`, comes to us, and the body runs on either side.
 */
const wanted = process.env.CELERY_VERSIONS?.split(",");
const versions = [newestCelery, ...celeryVersions.slice(0, 1)].filter((one) => !wanted || wanted.includes(one));
const redis = brokers.find(({ name }) => name === "redis");

function over(results: string, version: CeleryVersion): Combination[] {
  const backend = backends.find(({ name }) => name === results);
  const name = `Celery ${version}, ${results} results`;
  return redis && backend ? [{ broker: redis, backend, version, name }] : [];
}

const maps = versions.flatMap((version) => over("redis", version));
const chords = versions.flatMap((version) => [
  ...over("file", version),
  ...(version === newestCelery ? over("sqlite", version) : []),
]);

/** What Python's client sees of tasks that run in Node. */
const STUBS = `
def stub(*args, **kwargs): pass
node = lambda name: app.task(name="node." + name)(stub)
add, echo, fail, total = node("add"), node("echo"), node("fail"), node("total")
py = lambda name: app.tasks["interop." + name]
ask = lambda result: outcome(result, 20)
`;

for (const combination of maps)
  describe(`Python maps Node's tasks: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;

    before(async function () {
      await needShared(this, "redis");
      stage = await openStage(combination);
      const app = stage.app();
      defineTasks(app);
      worker = await new Worker(app, { concurrency: 4 }).start();
      python = await PythonClient.start(stage.target);
    });
    after(async () => {
      await python?.close();
      await worker?.shutdown();
      await stage?.close();
    });

    const run = async (code: string): Promise<unknown> => python.run(STUBS + code);
    const outcomes = async (code: string): Promise<Outcome[]> => (await run(code)) as Outcome[];

    it("map, starmap and chunks give the values in order", async () => {
      const code = `
results = [
    echo.map([1, "two", None]).apply_async(),
    add.starmap([(1, 2), (3, 4)]).apply_async(),
    add.chunks([(n, n) for n in range(5)], 2).apply_async(),
]
return [one.get(timeout=20) for one in results]`;
      assert.deepEqual(await run(code), [
        [1, "two", null],
        [3, 7],
        [[0, 2], [4, 6], [8]],
      ]);
    });

    it("chunks as a step of a chain are sent by the worker, and their group is the result", async () => {
      const code = `
result = chain(echo.si(1), add.chunks([(1, 2), (3, 4), (5, 6)], 2)).apply_async()
from celery.result import result_from_tuple
group = result_from_tuple(result.get(timeout=20), app=app)
return [[one.get(timeout=20) for one in group], [type(one).__name__ for one in result.children or []]]`;
      assert.deepEqual(await run(code), [[[3, 7], [11]], ["GroupResult"]]);
    });

    it("fail as the task does, and for a task that is not registered", async () => {
      const [failed, missing] = await outcomes(`
return [ask(fail.map(["it broke"]).apply_async()), ask(node("nobody").map([1]).apply_async())]`);
      assert.match(failed?.raised?.message ?? "", /it broke/);
      assert.deepEqual([missing?.raised?.type, missing?.raised?.args], ["NotRegistered", ["node.nobody"]]);
    });

    it("accumulate, chain and the cleaning of results answer as in Python", async () => {
      const [all, one, chained, cleaned] = await outcomes(`
send = lambda name, *args, **kwargs: ask(app.send_task("celery." + name, args, kwargs))
return [send("accumulate", 1, 2.0), send("accumulate", 1, 2, index=0), send("chain"), send("backend_cleanup")]`);
      // Python's float stays one.
      assert.deepEqual([all?.value, one?.value, cleaned?.value], [[1, new Float(2)], 1, null]);
      assert.equal(chained?.raised?.type, "NotImplementedError");
    });
  });

for (const combination of chords)
  describe(`Python's chords are unlocked by Node: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;
    let header: PythonWorker;
    const { lines, logger } = recordingLogger();

    before(async function () {
      await needShared(this, "redis");
      stage = await openStage(combination);
      const queue = stage.extraQueue("header");
      // The task that waits goes where the client would send the body: to us. We send bodies of Python to Python.
      const task_routes = { "interop.xsum": { queue: stage.queue }, "interop.*": { queue } };
      const target = { ...stage.target, conf: { ...stage.target.conf, task_routes } };
      const app = stage.app({ logger, resultChordRetryInterval: 0.2, taskRoutes: { "interop.*": { queue } } });
      defineTasks(app);
      app.task("node.total", (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0));
      worker = await new Worker(app, { concurrency: 4 }).start();
      header = await startPythonWorker({ ...target, queues: [queue] });
      python = await PythonClient.start(target);
    });
    after(async () => {
      await python?.close();
      await header?.stop();
      await worker?.shutdown();
      await stage?.close();
    });
    beforeEach(() => lines.splice(0));
    afterEach(function () {
      if (this.currentTest?.state === "failed") for (const line of lines) console.log("   ", line);
    });

    // All at once: each waits for a second before it looks.
    it("with bodies in Python and in Node, of several tasks, and in a chain", async () => {
      const code = `${STUBS}
add = py("add")
several = chord([add.si(1, 2), add.si(3, 4)], group(total.s(), echo.s()))
chained = chord([add.si(1, 2), add.si(3, 4)], chain(total.s(), echo.s()))
results = [
    chord([add.si(n, n) for n in range(10)], py("xsum").s()).apply_async(),
    chord([add.si(n, n) for n in range(10)], total.s()).apply_async(),
    chord([add.si(1, 2), group(add.si(3, 4), add.si(5, 6))], echo.s()).apply_async(),
    chord([py("sleep").si(1.2, 7)], total.s()).apply_async(),
    several.apply_async(),
    chained.apply_async(),
    chain(group(add.si(1, 2), add.si(3, 4)), total.s(), py("add").s(1)).apply_async(),
]
return [ask(one) for one in results]`;
      const values = ((await python.run(code)) as Outcome[]).map((one) => one.value);
      // None of it was Python's doing.
      assert.ok(lines.filter(({ message }) => /celery\.chord_unlock\[.* succeeded/.test(message)).length >= 7);
      assert.doesNotMatch(header.log, /chord_unlock\[/);
      // Celery up to 5.6 gives the members of a nested group in another order.
      const nested = (values[2] as number[]).toSorted((a, b) => a - b);
      assert.deepEqual([nested, ...values.toSpliced(2, 1)], [[3, 7, 11], 90, 90, 7, [10, [3, 7]], 10, 11]);
    });

    it("fail their bodies as Python does when the header fails", async () => {
      const code = `${STUBS}
results = [
    chord([py("add").si(1, 2), py("fail").si("a")], total.s()).apply_async(),
    chord([py("fail").si("b")], chain(total.s(), echo.s())).apply_async(),
]
return [ask(AsyncResult(one.id, app=app)) for one in results]  # of itself: it knows its header`;
      const errors = ((await python.run(code)) as Outcome[]).map(({ raised }) => [raised?.type, raised?.args]);
      assert.deepEqual(errors, [
        ["ChordError", ["ValueError('a')"]],
        ["ChordError", ["ValueError('b')"]],
      ]);
    });
  });
