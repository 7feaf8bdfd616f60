import assert from "node:assert/strict";
import { Celery, type CeleryOptions } from "../../client/app.js";
import type { TaskContext } from "../../client/task-context.js";
import { TaskError } from "../../errors.js";
import { errorToException } from "../../protocol/exception.js";
import { type ResultNode, nodeFromTuple, resultTuple } from "../../protocol/result.js";
import { signatureDocument } from "../../protocol/signature.js";
import { deferred } from "../../util/deferred.js";
import { newId } from "../../util/id.js";
import type { WorkerOptions } from "../options.js";
import { Worker } from "../worker.js";

const soon = { timeout: 10 };

/** An application with a worker over the in-process broker and backend. */
async function setUp(
  define: (app: Celery) => void = () => undefined,
  settings: Partial<CeleryOptions> & { worker?: WorkerOptions } = {},
): Promise<{ app: Celery } & AsyncDisposable> {
  const name = newId();
  const { worker: options, ...rest } = settings;
  const app = new Celery({ broker: `memory://${name}`, backend: `memory://${name}`, ...rest });
  app.task("add", { params: ["x", "y"] }, (x: number, y: number) => x + y);
  app.task("echo", (...args: unknown[]) => args);
  app.task("total", (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0));
  define(app);
  const worker = await new Worker(app, { concurrency: 2, ...options }).start();
  return {
    app,
    [Symbol.asyncDispose]: async () => {
      await worker.shutdown({ how: "cold" });
      await app.close();
    },
  };
}

const sig = (task: string, options: Record<string, unknown> = {}, args: readonly unknown[] = []) =>
  signatureDocument({ task, args, options });
const leaf = (id: string): ResultNode => ({ id, parent: null, children: null });
const failsAs = (type: string, text: RegExp) => (error: unknown) =>
  error instanceof TaskError && error.type === type && text.test(error.message);

describe("worker: tasks of Celery's own", () => {
  it("leaves a name to the task of a user", async () => {
    await using it = await setUp((app) => app.task("celery.accumulate", () => "mine"));
    assert.equal(await it.app.sendTask("celery.accumulate", [1]).get(soon), "mine");
  });

  describe("celery.map and celery.starmap", () => {
    const map = (task: unknown, list: unknown) => ({ kwargs: { task, it: list } });

    it("call the task with each item, in order", async () => {
      await using it = await setUp();
      const { app } = it;
      assert.deepEqual(await app.sendTask("celery.map", [], map(sig("echo"), [1, [2], null])).get(soon), [
        [1],
        [[2]],
        [null],
      ]);
      const pairs = [
        [1, 2],
        [3, 4],
      ];
      assert.deepEqual(await app.sendTask("celery.starmap", [], map(sig("add"), pairs)).get(soon), [3, 7]);
      assert.deepEqual(await app.sendTask("celery.starmap", ["echo", ["ab", { k: 1 }]]).get(soon), [["a", "b"], ["k"]]);
      assert.deepEqual(await app.sendTask("celery.map", ["echo", []]).get(soon), []);
    });

    it("wait for one item before the next", async () => {
      const running: number[] = [];
      await using it = await setUp((app) =>
        app.task("slow", async (item: number) => {
          running.push(item);
          await new Promise((resolve) => setImmediate(resolve));
          assert.equal(running.at(-1), item);
          return item;
        }),
      );
      assert.deepEqual(await it.app.sendTask("celery.map", ["slow", [1, 2, 3]]).get(soon), [1, 2, 3]);
    });

    it("bind arguments and check the schema as a message of its own would", async () => {
      await using it = await setUp((app) =>
        app.task(
          "checked",
          {
            schema: {
              "~standard": {
                version: 1,
                vendor: "test",
                validate: (value) => ({ value: (value as number[]).map((one) => one * 2) as [number] }),
              },
            },
          },
          (x: number) => x,
        ),
      );
      assert.deepEqual(await it.app.sendTask("celery.map", ["checked", [1, 2]]).get(soon), [2, 4]);
      await assert.rejects(it.app.sendTask("celery.starmap", ["add", [[1, 2, 3]]]).get(soon), /takes 2 arguments/);
    });

    it("fail with the error of an item, and for what they cannot call", async () => {
      await using it = await setUp((app) => {
        app.task("bad", (item: number) => {
          if (item === 2) throw new RangeError("not two");
          return item;
        });
        app.task("again", { bind: true }, (self: TaskContext, cause: string | null) => {
          throw self.retry(cause === null ? {} : { cause: new RangeError(cause) });
        });
        app.task("auto", { autoretryFor: [RangeError], defaultRetryDelay: 0 }, () => {
          throw new RangeError("once");
        });
      });
      const call = (name: string, ...args: unknown[]) => it.app.sendTask(name, args).get(soon);
      await assert.rejects(call("celery.map", "bad", [1, 2, 3]), failsAs("RangeError", /not two/));
      await assert.rejects(call("celery.map", "nobody", [1]), failsAs("NotRegistered", /nobody/));
      await assert.rejects(call("celery.map", "celery.accumulate", [1]), failsAs("NotSupported", /by its own message/));
      await assert.rejects(call("celery.map", "bad", 3), failsAs("TypeError", /'int' object is not iterable/));
      await assert.rejects(call("celery.starmap", "bad", [3]), failsAs("TypeError", /after \* must be an iterable/));
      await assert.rejects(call("celery.map", "bad"), failsAs("TypeError", /missing the argument 'it'/));
      // As in Python: what is called directly is not tried again.
      await assert.rejects(call("celery.map", "again", ["why"]), failsAs("RangeError", /why/));
      await assert.rejects(call("celery.map", "again", [null]), failsAs("NotSupported", /cannot be tried again alone/));
      await assert.rejects(call("celery.map", "auto", [1]), failsAs("RangeError", /once/));
    });

    it("show a bound task the message of the map, and send what it sends as its children", async () => {
      await using it = await setUp((app) =>
        app.task("bound", { bind: true }, async (self: TaskContext, item: number) => {
          await app.sendTask("add", [item, item]);
          const { id, name, request } = self;
          return { id, name, task: request.task, args: request.args, root: request.rootId };
        }),
      );
      const result = await it.app.sendTask("celery.map", ["bound", [7]]);
      assert.deepEqual(await result.get(soon), [
        { id: result.id, name: "bound", task: "bound", args: [7], root: result.id },
      ]);
      assert.equal((await result.children()).length, 1);
    });

    it("stop between two items at the soft time limit", async () => {
      await using it = await setUp((app) =>
        app.task("spin", () => {
          const end = performance.now() + 30;
          while (performance.now() < end);
        }),
      );
      const call = it.app.sendTask("celery.map", ["spin", Array.from({ length: 300 }, () => 1)], {
        softTimeLimit: 0.1,
      });
      await assert.rejects(call.get(soon), failsAs("SoftTimeLimitExceeded", /./));
    });
  });

  it("celery.accumulate gives all arguments, or one of them", async () => {
    await using it = await setUp();
    const call = (args: unknown[], kwargs = {}) => it.app.sendTask("celery.accumulate", args, { kwargs }).get(soon);
    assert.deepEqual(await call([1, 2, 3]), [1, 2, 3]);
    assert.deepEqual(await call([1, null], { index: null, other: 1 }), [1, null]);
    assert.equal(await call([1, 2, 3], { index: 0 }), 1);
    assert.equal(await call([1, 2, 3], { index: -1 }), 3);
    await assert.rejects(call([1], { index: 1 }), failsAs("IndexError", /tuple index out of range/));
  });

  it("celery.chunks sends a group of starmaps, which is its result", async () => {
    await using it = await setUp(undefined, {
      taskRoutes: { add: { queue: "adders" } },
      worker: { queues: ["celery", "adders"] },
    });
    const { app } = it;
    const list = Array.from({ length: 5 }, (_, n) => [n, n]);
    const result = await app.sendTask("celery.chunks", [], { kwargs: { task: sig("add"), it: list, n: 2 } });
    const group = nodeFromTuple(await result.get(soon));
    const parts = await Promise.all((group.children ?? []).map(({ id }) => app.asyncResult(id).get(soon)));
    assert.deepEqual(parts, [[0, 2], [4, 6], [8]]);
    assert.equal((await result.children()).length, 3);
    await assert.rejects(
      app.sendTask("celery.chunks", [sig("add"), list, 0]).get(soon),
      failsAs("ValueError", /at least one/),
    );
  });

  it("celery.group sends its members under the ids that were made for them", async () => {
    await using it = await setUp();
    const { app } = it;
    const [group, one, two] = [newId(), newId(), newId()];
    const node: ResultNode = { id: group, parent: null, children: [leaf(one), leaf(two)] };
    const members = [sig("echo", { task_id: one }, [1]), { ...sig("echo", { task_id: two }, [2]), immutable: true }];
    const result = await app.sendTask("celery.group", [members, resultTuple(node), group, [9]]);
    assert.deepEqual(await result.get(soon), resultTuple(node));
    assert.deepEqual(await app.asyncResult(one).get(soon), [9, 1]);
    assert.deepEqual(await app.asyncResult(two).get(soon), [2]);
    const chord = signatureDocument({ task: "celery.chord", subtask_type: "chord" });
    await assert.rejects(
      app.sendTask("celery.group", [[chord], resultTuple(node), group, []]).get(soon),
      failsAs("NotSupported", /chord/),
    );
  });

  it("celery.chain and celery.chord fail", async () => {
    await using it = await setUp();
    await assert.rejects(
      it.app.sendTask("celery.chain").get(soon),
      failsAs("NotImplementedError", /chain is not a real task/),
    );
    await assert.rejects(it.app.sendTask("celery.chord").get(soon), failsAs("NotSupported", /Python worker/));
  });

  it("celery.backend_cleanup has the store cleaned", async () => {
    await using it = await setUp();
    const backend = await it.app.backend();
    let cleaned = 0;
    backend.cleanup = async () => void cleaned++;
    assert.equal(await it.app.sendTask("celery.backend_cleanup").get(soon), null);
    assert.equal(cleaned, 1);
  });
});

describe("worker: celery.chord_unlock", () => {
  const settings = { resultChordRetryInterval: 0.02 };
  const unlock = (app: Celery, body: unknown, header: readonly ResultNode[], kwargs = {}) =>
    app.sendTask("celery.chord_unlock", [newId(), body], {
      kwargs: { interval: null, max_retries: null, result: header.map(resultTuple), ...kwargs },
    });
  const note = (seen: unknown[][]) => (app: Celery) => app.task("note", (...args: unknown[]) => void seen.push(args));

  /** A result as a worker of the header stores it. */
  async function finished(app: Celery, id: string, value: unknown): Promise<void> {
    const failed = value instanceof Error;
    await (
      await app.backend()
    ).store({
      ...{ taskId: id, status: failed ? "FAILURE" : "SUCCESS", traceback: failed ? "where" : null, children: [] },
      ...{ result: failed ? errorToException(value) : value, dateDone: new Date().toISOString() },
    });
  }

  it("comes again until all are there, then sends the body with their values in order", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const [one, two, three, body] = [newId(), newId(), newId(), newId()];
    const nested: ResultNode = { id: newId(), parent: null, children: [leaf(two), leaf(three)] };
    const looked = deferred();
    const backend = await app.backend();
    const load = backend.load.bind(backend);
    let looks = 0;
    backend.load = (id) => {
      if (id === two && ++looks === 3) looked.resolve();
      return load(id);
    };
    await finished(app, one, 1);
    await finished(app, three, 3);
    await unlock(app, sig("echo", { task_id: body }, ["own"]), [leaf(one), nested]);
    await looked.promise;
    assert.equal(await app.asyncResult(body).state(), "PENDING");
    await finished(app, two, 2);
    assert.deepEqual(await app.asyncResult(body).get(soon), [[1, [2, 3]], "own"]);
  });

  it("sends a body of several tasks, and one for an empty header", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const [one, a, b, c] = [newId(), newId(), newId(), newId()];
    await finished(app, one, 5);
    const tasks = [sig("total", { task_id: a }), sig("echo", { task_id: b })];
    const body = signatureDocument({ task: "celery.group", kwargs: { tasks }, subtask_type: "group" });
    await unlock(app, body, [leaf(one)]);
    assert.equal(await app.asyncResult(a).get(soon), 5);
    assert.deepEqual(await app.asyncResult(b).get(soon), [[5]]);
    await unlock(app, sig("echo", { task_id: c }), []);
    assert.deepEqual(await app.asyncResult(c).get(soon), [[]]);
  });

  it("sends a body that is a chain, and what follows it", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const [one, first, last, after] = [newId(), newId(), newId(), newId()];
    await finished(app, one, 5);
    const inner = signatureDocument({
      task: "celery.chain",
      kwargs: { tasks: [sig("echo", {}, ["second"])] },
      subtask_type: "chain",
    });
    const body = signatureDocument({
      task: "celery.chain",
      kwargs: { tasks: [sig("total", { task_id: first }), inner] },
      options: { task_id: last, chain: [sig("echo", { task_id: after }, ["after"])] },
      subtask_type: "chain",
    });
    await unlock(app, body, [leaf(one)]);
    assert.equal(await app.asyncResult(first).get(soon), 5);
    assert.deepEqual(await app.asyncResult(last).get(soon), [5, "second"]);
    assert.deepEqual(await app.asyncResult(after).get(soon), [[5, "second"], "after"]);
  });

  it("fails all steps of a chain", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const [one, first, last] = [newId(), newId(), newId()];
    await finished(app, one, new RangeError("broken"));
    const tasks = [sig("total", { task_id: first }), sig("echo", { task_id: last })];
    await unlock(app, signatureDocument({ task: "celery.chain", kwargs: { tasks }, subtask_type: "chain" }), [
      leaf(one),
    ]);
    for (const id of [first, last])
      await assert.rejects(app.asyncResult(id).get(soon), failsAs("ChordError", /^RangeError\('broken'\)$/));
  });

  it("fails the body with the first error of the header, sends its errbacks and fails what follows", async () => {
    const seen: unknown[][] = [];
    await using it = await setUp(note(seen), settings);
    const { app } = it;
    const [one, two, three, body, next, noted] = [newId(), newId(), newId(), newId(), newId(), newId()];
    await finished(app, one, 1);
    await finished(app, two, new RangeError("first"));
    await finished(app, three, new RangeError("second"));
    const options = {
      task_id: body,
      link_error: [sig("note", { task_id: noted })],
      chain: [sig("total", { task_id: next })],
    };
    await unlock(app, sig("total", options), [leaf(one), leaf(two), leaf(three)]);
    // Python's text: it means to name the task that failed here, and never does.
    await assert.rejects(app.asyncResult(body).get(soon), failsAs("ChordError", /^RangeError\('first'\)$/));
    await assert.rejects(app.asyncResult(next).get(soon), failsAs("ChordError", /first/));
    assert.match((await app.asyncResult(body).meta()).traceback ?? "", /RangeError/);
    await app.asyncResult(noted).get(soon);
    assert.deepEqual(seen, [[body]]);
  });

  it("fails each member of a group with the header's own error", async () => {
    const seen: unknown[][] = [];
    await using it = await setUp(note(seen), settings);
    const { app } = it;
    const [one, a, b, group, first, second] = [newId(), newId(), newId(), newId(), newId(), newId()];
    await finished(app, one, new RangeError("broken"));
    const [shared, own] = [sig("note", { task_id: first }, ["shared"]), sig("note", { task_id: second }, ["own"])];
    const tasks = [sig("total", { task_id: a, link_error: [own] }), sig("echo", { task_id: b })];
    const options = { task_id: group, link_error: [shared] };
    const body = signatureDocument({ task: "celery.group", kwargs: { tasks }, options, subtask_type: "group" });
    await unlock(app, body, [leaf(one)]);
    for (const id of [a, b, group])
      await assert.rejects(app.asyncResult(id).get(soon), failsAs("RangeError", /^broken$/));
    for (const id of [first, second]) await app.asyncResult(id).get(soon);
    assert.deepEqual(
      new Set(seen.map(([id, text]) => `${String(text)} ${String(id)}`)),
      new Set([`shared ${a}`, `own ${a}`, `shared ${b}`]),
    );
  });

  it("fails the body when it may not come again", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const body = newId();
    await unlock(app, sig("total", { task_id: body }), [leaf(newId())], { interval: 0, max_retries: 2 });
    await assert.rejects(
      app.asyncResult(body).get(soon),
      failsAs(
        "ChordError",
        /^chord_unlock could not be retried: MaxRetriesExceededError\(.Can't retry celery.chord_unlock/,
      ),
    );
  });

  it("comes again when the store cannot be read", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const [one, body] = [newId(), newId()];
    await finished(app, one, 4);
    const backend = await app.backend();
    const load = backend.load.bind(backend);
    let failures = 2;
    backend.load = (id) => (id === one && failures-- > 0 ? Promise.reject(new Error("away")) : load(id));
    await unlock(app, sig("total", { task_id: body }), [leaf(one)]);
    assert.equal(await app.asyncResult(body).get(soon), 4);
  });

  it("fails a body that cannot be sent", async () => {
    await using it = await setUp(undefined, settings);
    const { app } = it;
    const [one, body] = [newId(), newId()];
    await finished(app, one, 4);
    const chord = signatureDocument({ task: "celery.chord", options: { task_id: body }, subtask_type: "chord" });
    await unlock(app, chord, [leaf(one)]);
    await assert.rejects(app.asyncResult(body).get(soon), failsAs("ChordError", /^Callback error: NotSupported\(/));
  });
});
