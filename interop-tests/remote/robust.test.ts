import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { Redis } from "ioredis";
import type { Celery } from "../../src/index.js";
import { controlExchange } from "../../src/protocol/control.js";
import { Worker } from "../../src/worker/index.js";
import { recordingLogger, until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { startNodeWorker } from "../python-to-node/worker.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { needShared, sharedServer } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";

/** Changes a request somewhere: a field, its bytes, its headers. */
const mutated = fc.oneof(
  fc.record(
    {
      method: fc.oneof(fc.constantFrom("ping", "revoke", "rate_limit", "active", "hello", "nosuch"), fc.jsonValue()),
      arguments: fc.oneof(
        fc.dictionary(fc.constantFrom("task_id", "signal", "terminate", "from_node", "revoked", "ids"), fc.jsonValue()),
        fc.jsonValue(),
      ),
      destination: fc.jsonValue(),
      pattern: fc.oneof(fc.constantFrom("(", "*", "[a"), fc.jsonValue()),
      matcher: fc.oneof(fc.constantFrom("glob", "pcre", "soundex"), fc.jsonValue()),
      ticket: fc.jsonValue(),
      reply_to: fc.oneof(fc.constant({ exchange: "reply.celery.pidbox", routing_key: "nobody" }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);
const bytes = fc.oneof(
  mutated.map((value) => Buffer.from(JSON.stringify(value))),
  fc.tuple(mutated, fc.nat()).map(([value, at]) => {
    const text = JSON.stringify(value);
    return Buffer.from(text.slice(0, at % (text.length + 1)));
  }),
  fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value)),
);
const message = fc.record({
  body: bytes,
  contentType: fc.constantFrom("application/json", "application/json", "application/x-python-serialize", "x"),
  contentEncoding: fc.constantFrom("utf-8", "binary", "x"),
  headers: fc.dictionary(fc.constantFrom("clock", "expires", "ticket"), fc.jsonValue()),
  properties: fc.constant({ deliveryMode: 2 as const }),
});

for (const combination of deepCombinations)
  describe(`remote control goes on: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let python: PythonClient;
    const workers: Worker[] = [];

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      python = await PythonClient.start(stage.target);
    });
    afterEach(async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.shutdown({ how: "cold" })));
    });
    after(async () => {
      await python?.close();
      await stage?.close();
    });

    async function start(app: Celery, hostname = "node@robust"): Promise<Worker> {
      const worker = await new Worker(app, { concurrency: 1, hostname }).start();
      workers.push(worker);
      return worker;
    }

    const ping = async (timeout = 8): Promise<unknown> =>
      python.run(`return app.control.ping(timeout=values["timeout"], limit=1)`, { timeout });
    const pong = [{ "node@robust": { ok: "pong" } }];

    it("after a thousand messages that are not as they should be", async () => {
      const app = stage.app();
      const worker = await start(app);
      const broker = await app.broker();
      const to = { exchange: controlExchange(), routingKey: "" };
      for (const one of fc.sample(message, { numRuns: 1000, seed: 7 }))
        await broker.publish(one, to, { mandatory: false });
      assert.deepEqual(await ping(), pong);
      assert.equal(worker.state, "running");
    });

    it("after its connections are cut", async () => {
      const { lines, logger } = recordingLogger();
      await start(stage.app({ logger }));
      assert.deepEqual(await ping(), pong);
      if (combination.broker.name === "redis") {
        const admin = new Redis(stage.options.broker as string);
        await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
        admin.disconnect();
      } else {
        const server = await sharedServer("rabbitmq");
        // The client's own connection goes too: it makes another.
        await server.ctl?.("close_all_connections", "test");
      }
      await until(async () => ((await ping(1).catch(() => [])) as unknown[]).length === 1);
      assert.ok(!lines.some(({ message: text }) => /not heard/.test(text)));
    });

    // Redis lets two nodes of one name share a queue.
    if (combination.broker.name === "amqp")
      it("when its name becomes free", async () => {
        const first = await start(stage.app());
        const { lines, logger } = recordingLogger();
        await start(stage.app({ logger }));
        assert.ok(lines.some(({ message: text }) => /remote control is not heard/.test(text)));
        await first.shutdown();
        await until(async () => ((await ping(1).catch(() => [])) as unknown[]).length === 1);
      });

    it("and what was revoked stays so when the worker is killed", async () => {
      const folder = temporaryFolder("state");
      const stateDb = join(folder, "%n.state");
      const queue = stage.extraQueue("state");
      const options = { queues: [queue], stateDb, hostname: "kept@robust", concurrency: 1 };
      let child = await startNodeWorker(stage.options, options);
      try {
        const id = "0b0e3f9e-0000-4000-8000-000000000000";
        const revoke = `return app.control.revoke(values["id"], reply=True, limit=1, timeout=8)`;
        assert.deepEqual(await python.run(revoke, { id }), [
          { "kept@robust": { ok: `tasks {'${id}'} flagged as revoked` } },
        ]);
        await until(() => readFileSync(stateDb.replace("%n", "kept"), "utf8").includes(id));
        await child.kill();
        child = await startNodeWorker(stage.options, options);
        assert.deepEqual(await python.run(`return app.control.inspect(timeout=8, limit=1).revoked()`), {
          "kept@robust": [id],
        });
        await python.send("node.echo", ["revoked"], {}, { queue, task_id: id });
        assert.equal((await python.get(id)).raised?.type, "TaskRevokedError");
      } finally {
        await child.kill();
        removeFolder(folder);
      }
    });
  });
