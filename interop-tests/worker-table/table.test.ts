import assert from "node:assert/strict";
import { brokers } from "../drivers/index.js";
import { needShared } from "../servers/shared.js";
import { ackRows } from "./ack-rows.js";
import { compare } from "./compare.js";
import { Ground } from "./ground.js";
import { declarations } from "./row.js";
import { Side } from "./side.js";

const rows = [...ackRows];

for (const driver of brokers.filter(({ name }) => name === "redis" || name === "amqp"))
  describe(`Both workers, row by row: ${driver.name}`, function () {
    this.timeout(60_000);
    let ground: Ground;
    let python: Side;
    let ours: Side[];

    before(async function () {
      for (const kind of new Set([driver.server, "redis" as const])) if (kind) await needShared(this, kind);
      ground = await Ground.open(driver);
      const tasks = declarations(rows);
      // Extended results on one of the brokers, the usual ones on the other.
      const conf = { resultExtended: driver.name === "amqp" };
      const sides = await Promise.all(
        (["python", "async"] as const).map((name) => Side.start(name, ground, tasks, conf)),
      );
      [python, ...ours] = sides as [Side, Side];
    });
    after(async () => {
      await Promise.all([python, ...(ours ?? [])].map((side) => side?.stop()));
      await ground?.close();
    });

    for (const row of rows)
      it(row.what, async () => {
        const [expected, ...seen] = await Promise.all([python, ...ours].map((side) => side.play(row)));
        assert.ok(expected);
        for (const one of seen) compare(expected, one, row.differs);
      });
  });
