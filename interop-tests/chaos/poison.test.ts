import assert from "node:assert/strict";
import { uniqueName } from "../drivers/index.js";
import { until } from "../expect.js";
import { PythonClient } from "../python/client.js";
import { needShared, sharedServer } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { type Counts, countsOf } from "./counts.js";
import { type Member, nodeMember } from "./fleet.js";
import { Ledger } from "./ledger.js";

const quick = { visibility_timeout: 1, unacked_restore_interval: 1, unacked_restore_throttle: 1 };
const most = 2;

/** A task that kills every worker that runs it (a defect of others, Celery included: it does so for ever). */
for (const combination of deepCombinations)
  describe(`a message that kills its worker: ${combination.name}`, function () {
    this.timeout(90_000);
    let stage: Stage;
    let ledger: Ledger;
    let python: PythonClient;
    let member: Member | undefined;
    let counts: Counts | undefined;

    before(async function () {
      for (const kind of ["redis", combination.broker.server] as const) if (kind) await needShared(this, kind);
      stage = await openStage(combination);
      python = await PythonClient.start(stage.target);
    });
    after(async () => {
      counts?.close();
      await member?.end();
      await python?.close();
      await ledger?.close();
      await stage?.close();
    });

    it("is taken out after the given number of times, and what was beside it is done", async () => {
      const prefix = uniqueName("poison");
      const { url } = await sharedServer("redis");
      ledger = new Ledger(url, prefix);
      const dead = stage.extraQueue("dead");
      counts = countsOf(stage);
      member = nodeMember({
        ...{ stage, acksLate: true, ledger: { url, prefix }, concurrency: 4 },
        transportOptions: combination.broker.name === "redis" ? quick : {},
        settings: { workerMaxRedeliveries: most, workerDeadLetterQueue: dead },
      });
      const others: string[] = [];
      const work = async (): Promise<void> => void others.push(await python.send("chaos.work", [5]));
      for (let n = 0; n < 6; n++) await work();
      const poison = await python.send("chaos.poison", ["an argument"], {}, { headers: { "x-own": "header" } });
      for (let n = 0; n < 6; n++) await work();

      const outcome = python.get(poison, 60);
      let deaths = 0;
      let over = false;
      const settled = (): void => void (over = true);
      outcome.then(settled, settled);
      while (!over) {
        // It may be dead before it can say that it is ready.
        await member.start().catch(() => undefined);
        await Promise.race([member.ended(), outcome]);
        if (!over) deaths++;
      }
      const { raised } = await outcome;
      assert.equal(raised?.type, "WorkerLostError");
      assert.match(raised.message, /came back 3 times/);
      assert.equal(raised.state, "FAILURE");
      assert.equal(deaths, most + 1);
      await until(async () => (await ledger.done()) === others.length);
      await member.stop();
      assert.equal(await counts.waiting(), 0);
      assert.equal(await counts.unacknowledged(), 0);

      const message = await python.take(dead);
      assert.equal(message?.headers.id, poison);
      assert.equal(message.headers["x-own"], "header");
      assert.equal(message.headers["x-celeriac-death-queue"], stage.queue);
      assert.equal(message.headers["x-celeriac-death-count"], most + 1);
      assert.equal(message.headers.redelivered, undefined);
      assert.deepEqual((JSON.parse(Buffer.from(message.body).toString()) as unknown[])[0], ["an argument"]);
      assert.equal(await python.take(dead, 0), null, "nothing else was taken out");
    });
  });
