import assert from "node:assert/strict";
import type { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";
import { Worker, type WorkerOptions } from "../../src/worker/index.js";
import { recordingLogger, until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";

/** Tasks with a time, and how many messages a worker reserves: what a broker shows of it. */
for (const combination of deepCombinations)
  describe(`Python calls Node, tasks that wait: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let python: PythonClient;
    let workers: Worker[] = [];

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      python = await PythonClient.start(stage.target);
    });
    afterEach(async () => {
      await Promise.all(workers.map((worker) => worker.shutdown({ how: "cold" })));
      workers = [];
    });
    after(async () => {
      await python?.close();
      await stage?.close();
    });

    async function start(
      queue: string,
      define: (app: Celery) => void,
      options: WorkerOptions,
      settings: Partial<CeleryOptions> = {},
    ): Promise<Worker> {
      const app = stage.app(settings);
      define(app);
      const worker = await new Worker(app, { queues: [queue], concurrency: 1, ...options }).start();
      workers.push(worker);
      return worker;
    }

    /** Sends so many tasks in one go; `options` are those of `apply_async`. */
    const sendMany = async (queue: string, count: number, options: Record<string, unknown>): Promise<string[]> =>
      (await python.run(
        `return [app.send_task("wait.run", [n], queue=values["queue"], **values["options"]).id for n in range(values["count"])]`,
        { queue, count, options },
      )) as string[];

    it("runs a task at once that comes behind many whose time has not come", async () => {
      const queue = stage.extraQueue("waiting");
      const ran: unknown[] = [];
      const define = (app: Celery): void => void app.task("wait.run", (n: unknown) => ran.push(n));
      await sendMany(queue, 300, { countdown: 3600 });
      const now = await python.send("wait.run", ["now"], {}, { queue });
      const worker = await start(queue, define, { prefetchMultiplier: 2 });
      await python.get(now);
      assert.deepEqual(ran, ["now"]);
      assert.equal(await python.size(queue), 0, "all of them wait in the worker");
      // At its end they go back at once.
      await worker.shutdown();
      await until(async () => (await python.size(queue)) === 300);
      await python.purge(queue);
    });

    it("holds no more of them than workerEtaTaskLimit, and takes the rest as they come due", async () => {
      const queue = stage.extraQueue("limited");
      const ran: unknown[] = [];
      const define = (app: Celery): void => void app.task("wait.run", (n: unknown) => ran.push(n));
      await sendMany(queue, 20, { countdown: 3600 });
      const ids = await sendMany(queue, 20, { countdown: 1 });
      await start(queue, define, { prefetchMultiplier: 2 }, { workerEtaTaskLimit: 30 });
      await until(async () => (await python.size(queue)) === 10);
      for (const id of ids) await python.get(id);
      assert.equal(new Set(ran).size, 20);
      await until(async () => (await python.size(queue)) === 0);
      await python.purge(queue);
    });

    it("goes by the moment that a text says: zones, none (UTC), the past; and tells of what expired while it waited", async () => {
      const queue = stage.extraQueue("moments");
      const ran: string[] = [];
      const define = (app: Celery): void => void app.task("wait.run", (what: string) => void ran.push(what));
      const [expired, ...ids] = (await python.run(
        `
from datetime import datetime, timedelta, timezone
now = datetime.now(timezone.utc)
soon = now + timedelta(seconds=1.5)
send = lambda what, **options: app.send_task("wait.run", [what], queue=values["queue"], **options).id
return [
    send("expired", eta=soon, expires=now + timedelta(seconds=1)),
    send("naive", headers={"eta": soon.replace(tzinfo=None).isoformat()}),
    send("east", eta=soon.astimezone(timezone(timedelta(hours=5, minutes=30)))),
    send("west", eta=soon.astimezone(timezone(timedelta(hours=-8)))),
    send("past", eta=now - timedelta(days=400)),
    send("last year", eta=datetime(1999, 12, 31, tzinfo=timezone.utc), expires=now + timedelta(days=30)),
    send("never", eta=datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
]`,
        { queue },
      )) as string[];
      await start(queue, define, { concurrency: 10 });
      await until(() => ran.length === 2);
      assert.deepEqual([...ran].sort(), ["last year", "past"]);
      for (const id of ids.slice(0, 3)) await python.get(id);
      assert.deepEqual([...ran].sort(), ["east", "last year", "naive", "past", "west"]);
      assert.equal((await python.state(expired ?? "")).state, "REVOKED");
      const [, , , , , never = ""] = ids;
      assert.equal((await python.state(never)).state, "PENDING");
    });

    it("reserves nothing with workerDisablePrefetch, or says that it cannot", async () => {
      const queue = stage.extraQueue("unreserved");
      const { lines, logger } = recordingLogger();
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const started: number[] = [];
      const define = (app: Celery): void =>
        void app.task("wait.run", async (n: number) => {
          started.push(n);
          await gate;
        });
      const ids = await sendMany(queue, 10, {});
      await start(queue, define, { concurrency: 2 }, { workerDisablePrefetch: true, logger });
      await until(() => started.length === 2);
      const ignored = lines.filter(({ message }) => message.startsWith("workerDisablePrefetch is ignored"));
      assert.equal(ignored.length, combination.broker.name === "redis" ? 0 : 1);
      // Those that run are acknowledged already, and still nothing is taken in their places.
      if (combination.broker.name === "redis") {
        await new Promise((resolve) => setTimeout(resolve, 200));
        assert.equal(await python.size(queue), 8);
      }
      open();
      for (const id of ids) await python.get(id);
      assert.deepEqual(
        started,
        [...started].sort((a, b) => a - b),
      );
    });
  });
