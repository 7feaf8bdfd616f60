import assert from "node:assert/strict";
import { brokers } from "../drivers/index.js";
import { needShared } from "../servers/shared.js";
import { aFewAtATime } from "./a-few-at-a-time.js";
import { ackRows, lostRows } from "./ack-rows.js";
import { oddRows } from "./odd-rows.js";
import { revokeRows } from "./revoke-rows.js";
import { stateRows } from "./state-rows.js";
import { compare } from "./compare.js";
import { Ground } from "./ground.js";
import { declarations, type Row } from "./row.js";
import { Side } from "./side.js";
import type { Sighting } from "./sighting.js";

const rows = [...ackRows, ...lostRows, ...stateRows, ...oddRows, ...revokeRows];

/** Python first. Ours twice: what runs the handlers must make no difference. */
const NAMES = ["python", "async", "threads"] as const;
/** Rows played at a time. */
const AT_ONCE = 4;

for (const driver of brokers.filter(({ name }) => name === "redis" || name === "amqp"))
  describe(`Both workers, row by row: ${driver.name}`, function () {
    this.timeout(60_000);
    let ground: Ground;
    let sides: Side[] = [];
    let played: ReadonlyMap<Row, Promise<Sighting[]>>;

    before(async function () {
      for (const kind of new Set([driver.server, "redis" as const])) if (kind) await needShared(this, kind);
      ground = await Ground.open(driver);
      const tasks = declarations(rows);
      // Extended results on one of the brokers, the usual ones on the other.
      const conf = { resultExtended: driver.name === "amqp", workerDeduplicateSuccessfulTasks: true };
      const started = await Promise.allSettled(NAMES.map((name) => Side.start(name, ground, tasks, conf)));
      sides = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      for (const one of started) if (one.status === "rejected") throw one.reason;
      played = aFewAtATime(AT_ONCE, rows, (row) => {
        const playing = sides.filter(({ name }) => !row.notIn?.some((one) => one === name));
        return Promise.all(playing.map((side) => side.play(row)));
      });
    });
    after(async () => {
      await Promise.all(sides.map((side) => side.stop()));
      await ground?.close();
    });

    for (const row of rows)
      it(row.what, async () => {
        const [python, ...ours] = await (played.get(row) ?? []);
        assert.ok(python && ours.length > 0);
        for (const one of ours) compare(python, one, row.differs ?? [], driver.name);
      });

    it("leaves nothing in the queues, and nobody holds anything when both have stopped", async () => {
      await Promise.all(sides.map((side) => side.stop()));
      const left = await Promise.all(sides.map(async (side) => [side.name, await side.waiting()]));
      assert.deepEqual(
        left,
        NAMES.map((name) => [name, 0]),
      );
    });
  });
