import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Worker } from "../../src/worker/index.js";
import { recordingLogger, until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { defineTasks } from "./tasks.js";

interface Odd {
  readonly what: string;
  readonly body?: unknown;
  /** Instead of `body`, as it is. */
  readonly bytes?: string;
  readonly contentType?: string | null;
  readonly contentEncoding?: string | null;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Headers taken out of the good ones. */
  readonly without?: readonly string[];
  /** What becomes of the message: acknowledged away, or rejected (and dead-lettered, where the broker can). */
  readonly settled: "ack" | "reject";
  /** The exception stored for the task's id, where there is one. */
  readonly stored?: string;
}

const goodBody = [[1, 2], {}, { callbacks: null, errbacks: null, chain: null, chord: null }];

/** The table of wire/protocol-and-worker.md 1.4: what kills a Python worker is rejected and logged by ours. */
const odd: readonly Odd[] = [
  { what: "a body of two elements", body: [[1, 2], {}], settled: "reject" },
  { what: "a body of four elements", body: [...goodBody, null], settled: "reject" },
  { what: "a body that is an object without args", body: { kwargs: {} }, settled: "reject" },
  { what: "a body that is a number", body: 42, settled: "reject" },
  { what: "no content type", contentType: null, settled: "reject" },
  { what: "no id", without: ["id"], settled: "reject" },
  { what: "an unknown task without id", without: ["id"], headers: { task: "node.nobody" }, settled: "reject" },
  { what: "an empty eta", headers: { eta: "" }, settled: "reject" },
  { what: "an empty expires", headers: { expires: "" }, settled: "reject" },
  { what: "a time limit of one element", headers: { timelimit: [1] }, settled: "reject" },
  { what: "an unknown task", headers: { task: "node.nobody" }, settled: "reject", stored: "NotRegistered" },
  { what: "a content type that is not accepted", contentType: "application/x-python-serialize", settled: "reject" },
  { what: "a content type with a parameter", contentType: "application/json; charset=utf-8", settled: "reject" },
  { what: "plain text", contentType: "text/plain", bytes: "hello", settled: "reject" },
  { what: "JSON that is cut off", bytes: "[[1, 2], {", settled: "ack" },
  { what: "an unknown type marker", body: [[{ __type__: "never", __value__: 1 }], {}, {}], settled: "ack" },
  { what: "an unknown compression", headers: { compression: "application/x-never" }, settled: "ack" },
  { what: "a body that is not what its compression says", headers: { compression: "gzip" }, settled: "ack" },
  { what: "an eta that is no date", headers: { eta: "tomorrow" }, settled: "reject" },
  { what: "an eta that is a number", headers: { eta: 12 }, settled: "reject" },
  { what: "an expires that is no date", headers: { expires: "never" }, settled: "reject" },
  { what: "an expires that is a number", headers: { expires: 12 }, settled: "reject" },
  { what: "no task at all", without: ["task"], body: [1, 2, 3], settled: "reject" },
  { what: "an object without a task", without: ["task"], body: { hello: "world" }, settled: "reject" },
];

for (const combination of deepCombinations)
  describe(`Python calls Node, odd messages: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let worker: Worker;
    let python: PythonClient;
    let dead: string;
    const { lines, logger } = recordingLogger();

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      dead = stage.extraQueue("dead");
      python = await PythonClient.start(stage.target);
      // A queue with arguments of its own, declared by somebody else: it is used as it is.
      if (combination.broker.name === "amqp") await python.run(declareWithDeadLetters, { queue: stage.queue, dead });
      const app = stage.app({ logger });
      defineTasks(app);
      worker = await new Worker(app, { concurrency: 1, prefetchMultiplier: 1 }).start();
    });
    after(async () => {
      await python?.close();
      await worker?.shutdown();
      await stage?.close();
    });

    for (const one of odd)
      it(`takes ${one.what}, says so, and goes on (defect of others: the worker stops for ever)`, async () => {
        const id = randomUUID();
        lines.splice(0);
        if (one.stored) await python.run("kept[values['id']] = AsyncResult(values['id'], app=app)", { id });
        await python.publish(stage.queue, one.bytes ?? JSON.stringify(one.body ?? goodBody), {
          ...(one.contentType !== undefined && { contentType: one.contentType }),
          ...(one.contentEncoding !== undefined && { contentEncoding: one.contentEncoding }),
          headers: without({ ...goodHeaders(id), ...one.headers }, one.without ?? []),
          properties: { correlation_id: id, reply_to: await replyTo(python) },
        });
        // With one place and no prefetch beyond it, this can only run when the odd one has been settled.
        assert.deepEqual(await python.call("node.add", [2, 2]), { value: 4 });
        assert.ok(
          lines.some(({ level }) => level === "error" || level === "warn"),
          "nothing was logged",
        );
        assert.equal(await python.size(stage.queue), 0);
        if (one.stored) {
          const { raised } = await python.get(id);
          assert.equal(raised?.type, one.stored);
        }
        if (combination.broker.name === "amqp") {
          const letter = await python.take(dead, 0.2);
          assert.equal(letter === null ? "ack" : "reject", one.settled);
        }
      });

    it("takes what is no message of kombu's at all", async function () {
      const place = {
        url: stage.target.broker,
        transportOptions: {},
        python: null,
        server: null,
        close: async () => {},
      };
      if (!combination.broker.poison) return;
      lines.splice(0);
      await combination.broker.poison(place, stage.queue);
      assert.deepEqual(await python.call("node.add", [2, 2]), { value: 4 });
      assert.ok(lines.some(({ level }) => level === "error"));
    });

    it("lets a wrong call fail alone: arguments that are no list, keywords that are no object", async () => {
      for (const [args, kwargs] of [
        [null, {}],
        [{ a: 1 }, {}],
        [[1, 2], null],
        [[1, 2], []],
      ]) {
        const id = randomUUID();
        const body = JSON.stringify([args, kwargs, {}]);
        await python.publish(stage.queue, body, { headers: goodHeaders(id), properties: { correlation_id: id } });
        assert.deepEqual(await python.call("node.add", [2, 2]), { value: 4 });
      }
      assert.equal(await python.size(stage.queue), 0);
    });

    it("reads protocol 1, with its keywords and without", async () => {
      await python.configure({ task_protocol: 1 });
      try {
        assert.deepEqual(await python.call("node.add", [40], { y: 2 }), { value: 42 });
      } finally {
        await python.configure({ task_protocol: 2 });
      }
      const id = randomUUID();
      await python.run("kept[values['id']] = AsyncResult(values['id'], app=app)", { id });
      const body = JSON.stringify({ task: "node.add", id, args: [40, 2] });
      const properties = { correlation_id: id, reply_to: await replyTo(python) };
      await python.publish(stage.queue, body, { properties });
      assert.deepEqual(await python.get(id), { value: 42 });
    });

    it("reads every serializer that it accepts, and every compression", async () => {
      const accepting = stage.app({ logger, acceptContent: ["json", "yaml", "msgpack"] });
      const queue = stage.extraQueue("formats");
      accepting.task("formats.echo", (value: unknown) => value);
      const second = await new Worker(accepting, { queues: [queue], concurrency: 1 }).start();
      try {
        const value = { text: "Grüße 🎉", list: [1, -1, 2 ** 40, 1.5, null, true], long: "x".repeat(5000) };
        for (const serializer of ["json", "yaml", "msgpack"])
          for (const compression of [null, "gzip", "bzip2", "brotli", "lzma", "zstd"]) {
            const outcome = await python.call("formats.echo", [value], {}, { queue, serializer, compression });
            assert.deepEqual(outcome, { value }, `${serializer} ${compression}`);
          }
      } finally {
        await second.shutdown();
      }
    });

    it("says nothing of arguments at info level (defect of others: they are logged in clear)", async () => {
      lines.splice(0);
      // Its result, which is shown as in Celery, is not its argument.
      await python.call("node.kinds", ["s3cr3t-argument"]);
      await python.call("node.nobody", ["s3cr3t-argument"]);
      const told = (): string[] =>
        lines.filter(({ level }) => level !== "debug").map((line) => `${line.message} ${text(line.fields)}`);
      await until(() => told().some((line) => line.includes("succeeded")));
      assert.ok(!told().some((line) => line.includes("s3cr3t")), told().join("\n"));
    });
  });

const text = (fields: object): string =>
  JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? `${value.message} ${value.stack}` : value,
  );

const goodHeaders = (id: string): Record<string, unknown> => ({
  ...{ lang: "py", task: "node.add", id, root_id: id, parent_id: null, group: null, retries: 0 },
  ...{ eta: null, expires: null, timelimit: [null, null], argsrepr: "", kwargsrepr: "", origin: "test" },
});

const without = (headers: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));

/** Where rpc answers go; other backends take no notice. */
const replyTo = (python: PythonClient): Promise<unknown> => python.run("return app.thread_oid");

const declareWithDeadLetters = `
arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": values["dead"]}
with app.connection_for_write() as connection:
    channel = connection.default_channel
    kombu.Queue(values["dead"])(channel).queue_declare()
    exchange = kombu.Exchange(values["queue"], type="direct")
    queue = kombu.Queue(values["queue"], exchange, routing_key=values["queue"], queue_arguments=arguments)
    queue(channel).declare()
# Python itself declares actively: from now on with the same arguments, or it would be refused.
app.amqp.queues[values["queue"]] = queue
`;
