import assert from "node:assert/strict";
import type { Delivery } from "../../src/brokers/broker.js";
import { queue } from "../../src/protocol/queue.js";
import { brokers } from "../drivers/index.js";
import { needShared } from "../servers/shared.js";
import { compare } from "./compare.js";
import { Ground } from "./ground.js";
import { declarations } from "./row.js";
import { type Scene, scenes } from "./shutdown-rows.js";
import { type Observed, Side, type SideName } from "./side.js";
import type { Sighting } from "./sighting.js";
import { within } from "./within.js";

const NAMES = ["python", "async", "threads"] as const;
const tasks = declarations(scenes.flatMap(({ rows }) => rows));

/** wire/protocol-and-worker.md 5.12: what becomes of tasks whose worker ends, each scene with workers of its own. */
for (const driver of brokers.filter(({ name }) => name === "redis" || name === "amqp"))
  describe(`Both workers, how they end: ${driver.name}`, function () {
    this.timeout(60_000);
    let ground: Ground;

    before(async function () {
      for (const kind of new Set([driver.server, "redis" as const])) if (kind) await needShared(this, kind);
      ground = await Ground.open(driver);
    });
    after(() => ground?.close());

    for (const scene of scenes)
      it(scene.what, async () => {
        const [python, ...ours] = await Promise.all(NAMES.map((name) => play(name, ground, scene)));
        assert.ok(python);
        for (const one of ours) {
          for (const [at, row] of scene.rows.entries()) {
            const [theirs, own] = [python.sightings[at], one.sightings[at]];
            assert.ok(theirs && own);
            try {
              compare(theirs, own, row.differs ?? [], driver.name);
            } catch (error) {
              throw new Error(`${row.what}: ${String(error)}`, { cause: error });
            }
          }
          assert.equal(one.code, python.code);
          compare(inOrder(python), inOrder(one), scene.differs ?? [], driver.name);
        }
      });
  });

interface Ended {
  readonly code: number | null;
  readonly sightings: readonly Sighting[];
  /** The rows whose messages are in the queue again, first first. */
  readonly order: readonly string[];
}

const inOrder = ({ order }: Ended): Sighting => ({ documents: [], events: [], next: [], settled: "gone", left: order });

async function play(name: SideName, ground: Ground, { rows, signal, concurrency, left }: Scene): Promise<Ended> {
  const side = await Side.start(name, ground, tasks, {}, concurrency);
  try {
    const observed: Observed[] = [];
    for (const row of rows) observed.push(await side.begin(row));
    // Its children, too.
    if (signal === "SIGKILL") await side.child.kill();
    else side.child.signal(signal);
    await within(
      20,
      () => !side.child.running,
      () => `${name} does not end:\n${side.child.output.slice(-3000)}`,
    );
    const { code } = await side.child.ended;
    const back: Delivery[] = [];
    await ground.watch(queue(side.queue.name), (delivery) => back.push(delivery));
    const unacked = await ground.unacked(side.queue.name);
    await within(
      10,
      () => back.length + unacked.length >= left,
      () => `${name} left ${back.length} in the queue and ${unacked.length} unacknowledged`,
    );
    const isOf =
      ({ id }: Observed) =>
      ({ message }: Delivery): boolean =>
        message.properties.correlationId === id;
    const sightings = await Promise.all(
      observed.map(async (one) => {
        const seen = await one.sighting();
        const mine = back.filter(isOf(one)).map(({ info }) => (info.redelivered ? "back, redelivered" : "back"));
        return { ...seen, left: [...seen.left, ...mine] };
      }),
    );
    const order = back.map((one) => rows[observed.findIndex((o) => isOf(o)(one))]?.what ?? "another");
    return { code, sightings, order };
  } finally {
    await side.child.kill();
  }
}
