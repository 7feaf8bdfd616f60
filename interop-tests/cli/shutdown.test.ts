import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Celery, CeleryOptions } from "../../src/index.js";
import { until } from "../expect.js";
import { Proxy } from "../results/proxy.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import type { Child } from "../servers/children.js";
import { needShared } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { type CommandOptions, all, startWorker } from "./command.js";

/** Every rung of the ladder, by real signals to the real command. */
for (const combination of deepCombinations)
  describe(`celeriac worker, shutting down: ${combination.name}`, function () {
    this.timeout(60_000);
    let stage: Stage;
    let app: Celery;
    let folder: string;
    let children: Child[] = [];
    let count = 0;

    before(async function () {
      for (const kind of [combination.broker.server, combination.backend.server])
        if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      app = stage.app();
      folder = temporaryFolder("cli");
    });
    afterEach(async () => {
      await Promise.all(children.map((child) => child.kill()));
      children = [];
    });
    after(async () => {
      if (folder) removeFolder(folder);
      await stage?.close();
    });

    /** A queue, workers on it, and a gate that its tasks wait at. */
    function scene(): {
      readonly queue: string;
      readonly gate: string;
      readonly open: () => void;
      readonly worker: (
        args?: readonly string[],
        conf?: Partial<CeleryOptions>,
        more?: CommandOptions,
      ) => Promise<Child>;
      readonly send: (name: string, args: readonly unknown[], countdown?: number) => Promise<string>;
    } {
      const queue = stage.extraQueue("cli");
      const gate = join(folder, `gate-${++count}`);
      return {
        queue,
        gate,
        open: () => writeFileSync(gate, ""),
        worker: async (args = [], conf = {}, more = {}) => {
          const child = await startWorker(["-Q", queue, "-c", "2", ...args], {
            ...more,
            conf: { ...stage.options, ...conf },
          });
          children.push(child);
          return child;
        },
        send: async (name, args, countdown) => {
          const options = { queue, ...(countdown !== undefined && { countdown }) };
          return (await app.sendTask(name, args, options)).id;
        },
      };
    }
    const state = (id: string): Promise<string> => app.asyncResult(id).state();
    const ended = async (child: Child): Promise<number | null> => (await child.ended).code;
    const received = (child: Child): string[] => all(child.output, /\[([-\da-f]{36})\] received/g);

    it("SIGTERM: what was not started is with another worker, in its order, while the running task goes on", async () => {
      const { gate, open, worker, send } = scene();
      const first = await worker(["-c", "1", "--prefetch-multiplier", "20"]);
      const running = await send("cli.gate", [gate]);
      const waiting = [
        await send("cli.echo", [1]),
        await send("cli.slow", [2]),
        await send("cli.slow", [3]),
        await send("cli.echo", [4], 3600),
        await send("cli.echo", [5]),
      ];
      await until(() => received(first).length === 6);
      const second = await worker(["-c", "1", "--prefetch-multiplier", "20"]);
      first.signal("SIGTERM");
      await until(() => received(second).length === 5);
      assert.deepEqual(received(second), waiting);
      await second.until(/succeeded in .*: 5/, 10);
      assert.ok(first.running, "it waits for its task");
      // Further SIGTERMs change nothing.
      first.signal("SIGTERM");
      open();
      assert.equal(await ended(first), 0);
      assert.equal(await state(running), "SUCCESS");
      assert.equal(all(first.output, /worker: Warm shutdown \(MainProcess\)/g).length, 2);
      second.signal("SIGQUIT");
      assert.equal(await ended(second), 0);
    });

    it("SIGQUIT: an early acknowledged task is marked RETRY, a late one goes to another worker, no failure is stored", async () => {
      const { gate, open, worker, send } = scene();
      const first = await worker();
      const early = await send("cli.gate", [gate]);
      const late = await send("cli.late", [gate]);
      await until(() => received(first).length === 2);
      const at = Date.now();
      first.signal("SIGQUIT");
      assert.equal(await ended(first), 0, "Celery's, as it is observed");
      assert.ok(Date.now() - at < 4000);
      assert.match(first.output, /worker: Cold shutdown \(MainProcess\)/);
      assert.equal(await state(early), "RETRY");
      const second = await worker();
      await until(() => received(second).includes(late));
      open();
      assert.equal(await app.asyncResult(late).get({ timeout: 10 }), "open");
      assert.equal(await state(early), "RETRY");
      second.signal("SIGTERM");
      assert.equal(await ended(second), 0);
    });

    it("Ctrl+C is warm and says how to go on, twice is cold; the exit code is 1", async () => {
      const { gate, worker, send } = scene();
      const child = await worker();
      const id = await send("cli.gate", [gate]);
      await until(() => received(child).includes(id));
      child.signal("SIGINT");
      await child.until(/Ctrl\+C once more[^]*worker: Warm shutdown \(MainProcess\)/, 5);
      child.signal("SIGINT");
      assert.equal(await ended(child), 1);
      assert.match(child.output, /worker: Cold shutdown \(MainProcess\)/);
      assert.equal(await state(id), "RETRY");
    });

    it("REMAP_SIGTERM=SIGQUIT: SIGTERM is cold; a soft shutdown lets tasks end within its time", async () => {
      const { gate, open, worker, send } = scene();
      const env = { REMAP_SIGTERM: "SIGQUIT" };
      const child = await worker([], { workerSoftShutdownTimeout: 30 }, { env });
      const id = await send("cli.gate", [gate]);
      await until(() => received(child).includes(id));
      child.signal("SIGTERM");
      await child.until(/Cold shutdown \(MainProcess\)/, 5);
      await child.until(/Soft shutdown/, 5);
      open();
      assert.equal(await ended(child), 0);
      assert.equal(await state(id), "SUCCESS");
    });

    it("a soft shutdown stops what takes longer, and at once when asked again", async () => {
      const scenes = [scene(), scene()] as const;
      const [short, long] = await Promise.all([
        scenes[0].worker([], { workerSoftShutdownTimeout: 0.5 }),
        scenes[1].worker([], { workerSoftShutdownTimeout: 60 }),
      ]);
      const ids = await Promise.all(scenes.map(({ send, gate }) => send("cli.gate", [gate])));
      await until(() => received(short).length + received(long).length === 2);
      short.signal("SIGQUIT");
      long.signal("SIGQUIT");
      assert.equal(await ended(short), 0);
      await long.until(/Soft shutdown/, 5);
      assert.ok(long.running);
      long.signal("SIGQUIT");
      assert.equal(await ended(long), 0);
      for (const id of ids) assert.equal(await state(id), "RETRY");
    });

    it("--shutdown-timeout: a warm shutdown ends at its deadline", async () => {
      const { gate, worker, send } = scene();
      const child = await worker(["--shutdown-timeout", "0.5"], { workerSoftShutdownTimeout: 60 });
      const id = await send("cli.deaf", [gate]);
      await until(() => received(child).includes(id));
      child.signal("SIGTERM");
      assert.equal(await ended(child), 0);
      assert.equal(await state(id), "RETRY");
    });

    it("a broker that does not answer keeps no shutdown from ending; a hard one does not wait", async () => {
      const { gate, worker, send } = scene();
      const url = new URL(stage.options.broker);
      const proxy = await Proxy.start({ host: url.hostname, port: Number(url.port) });
      url.port = String(proxy.port);
      try {
        const conf = { broker: url.href };
        const [cold, hard] = await Promise.all([worker(["-c", "1"], conf), worker(["-c", "1"], conf)]);
        for (let n = 0; n < 2; n++) await send("cli.gate", [gate]);
        await until(() => received(cold).length + received(hard).length === 2);
        proxy.silence();
        const at = Date.now();
        cold.signal("SIGQUIT");
        hard.signal("SIGTERM");
        await hard.until(/Warm shutdown/, 5);
        for (const line of [/Cold shutdown \(Main/, /no longer waiting/, /Hard shutdown/]) {
          hard.signal("SIGQUIT");
          await hard.until(line, 5);
        }
        assert.equal(await ended(hard), 1);
        assert.ok(Date.now() - at < 3000, `hard: ${Date.now() - at} ms`);
        assert.equal(await ended(cold), 0);
        assert.ok(Date.now() - at < 35_000, `cold: ${Date.now() - at} ms`);
      } finally {
        await proxy.close();
      }
    });
  });
