import assert from "node:assert/strict";
import { brokers } from "../drivers/index.js";
import { needShared } from "../servers/shared.js";
import { aFewAtATime } from "./a-few-at-a-time.js";
import { Ground } from "./ground.js";
import { type KillingRow, killingRows } from "./odd-rows.js";
import { declarations } from "./row.js";
import { Side } from "./side.js";
import type { Sighting } from "./sighting.js";
import { within } from "./within.js";

const AT_ONCE = 2;

/** What became of a Python worker and of its message. */
interface Ending {
  readonly reconnects: boolean;
  readonly code: number | null;
  /** Messages in its queue. */
  readonly back: number;
}

/** docs/differences.md, "What ends a Python worker is rejected and logged": a Python worker for each row, one of ours. */
for (const driver of brokers.filter(({ name }) => name === "redis" || name === "amqp"))
  describe(`Messages that end a Python worker: ${driver.name}`, function () {
    this.timeout(60_000);
    const tasks = declarations(killingRows);
    let ground: Ground;
    let ours: Side;
    let played: ReadonlyMap<KillingRow, Promise<Ending & { seen: Sighting }>>;

    before(async function () {
      for (const kind of new Set([driver.server, "redis" as const])) if (kind) await needShared(this, kind);
      ground = await Ground.open(driver);
      ours = await Side.start("async", ground, tasks, {});
      played = aFewAtATime(AT_ONCE, killingRows, async (row) => ({ ...(await end(row)), seen: await ours.play(row) }));
    });
    after(async () => {
      await Promise.allSettled(played?.values() ?? []);
      await ours?.stop();
      await ground?.close();
    });

    /** Has a Python worker take the message of a row. */
    async function end(row: KillingRow): Promise<Ending> {
      const python = await Side.start("solo", ground, tasks, {});
      try {
        // On RabbitMQ it swallows what goes wrong in the first tenth of a second, and holds the message.
        await python.fence();
        await python.send(row);
        const { child } = python;
        const reconnects = row.reconnectsOn === driver.name;
        const again = (): boolean => /Frequent restarts detected/.test(child.output);
        await within(
          15,
          () => !child.running || (reconnects && again()),
          () => `Python goes on after ${row.what}:\n${child.output.slice(-2000)}`,
        );
        if (reconnects) child.signal("SIGTERM");
        const { code } = await child.ended;
        return { reconnects: again(), code, back: await python.waiting() };
      } finally {
        await python.child.kill();
      }
    }

    for (const row of killingRows)
      it(`${row.what}: the message is back where Python's was, ours rejects it and goes on`, async () => {
        const { seen, ...python } = (await played.get(row)) ?? assert.fail();
        const reconnects = row.reconnectsOn === driver.name;
        assert.deepEqual(python, { reconnects, code: reconnects ? 0 : 1, back: 1 });
        const settled = driver.name === "amqp" ? "rejected" : "gone";
        assert.deepEqual(seen, { documents: [], events: [], next: [], settled, left: [] });
      });

    it("ours has said so each time", async () => {
      await Promise.allSettled(played.values());
      const said = ours.child.output.match(/^error a (?:message was rejected|task was refused)/gm)?.length;
      assert.equal(said, killingRows.length, ours.child.output);
    });
  });
