import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { Celery } from "../../src/index.js";
import { uniqueName } from "../drivers/index.js";
import { until } from "../expect.js";
import { needShared, sharedServer } from "../servers/shared.js";
import { deepCombinations, openStage } from "../stage.js";
import type { Stage } from "../stage.js";
import { RedisCounts, countsOf } from "./counts.js";
import { type Member, fleet } from "./fleet.js";
import { type Noted, Ledger } from "./ledger.js";

/** `CHAOS_SEED` repeats the kills of a run, `CHAOS_TASKS` its size; `CHAOS_ACKS=early` shows what is lost without late acks. */
const seed = Number(process.env.CHAOS_SEED ?? randomInt(1_000_000));
const tasks = Number(process.env.CHAOS_TASKS ?? 20_000);
const acksLate = process.env.CHAOS_ACKS !== "early";

/** Short, but longer than any task here waits: what comes back sooner came back wrongly. */
const visibility = { visibility_timeout: 5, unacked_restore_interval: 1, unacked_restore_throttle: 1 };
const redisOptions = { ...visibility, unacked_restore_limit: 1000, unacked_mutex_expire: 5 };

for (const combination of deepCombinations)
  describe(`workers killed at random: ${combination.broker.name}, Celery ${combination.version}`, function () {
    this.timeout(400_000);
    let stage: Stage;
    let ledger: Ledger;
    let members: Member[] = [];
    let app: Celery;
    const isRedis = combination.broker.name === "redis";

    before(async function () {
      for (const kind of ["redis", combination.broker.server] as const) if (kind) await needShared(this, kind);
      stage = await openStage(combination);
    });
    after(async () => {
      await Promise.all(members.map((member) => member.end()));
      await ledger?.close();
      await stage?.close();
    });

    it(`finishes ${tasks} tasks and loses none`, async () => {
      const random = randomly(seed);
      const prefix = uniqueName("chaos");
      const { url } = await sharedServer("redis");
      ledger = new Ledger(url, prefix);
      const transportOptions = isRedis ? redisOptions : {};
      app = stage.app({ taskIgnoreResult: true });
      members = fleet({ stage, acksLate, transportOptions, ledger: { url, prefix } });
      await send(app, stage.queue, random);
      const begun = Date.now();
      await Promise.all(members.map((member) => member.start()));

      const broker = countsOf(stage);
      const report = { workers: 0, pool: 0, window: 0 };
      const allDone = async (): Promise<boolean> => (await ledger.done()) === tasks;
      let quiet = 0;
      try {
        while (!(await allDone())) {
          await pause(300 + random() * 700);
          // Without late acks tasks are lost, and nobody comes for them.
          if (!acksLate && (quiet = (await broker.waiting()) === 0 ? quiet + 1 : 0) > 15) break;
          const victim = members[Math.floor(random() * members.length)];
          if (!victim?.ready) continue;
          if (victim.side === "python" && random() < 0.3) {
            if (await victim.killPoolProcess((count) => Math.floor(random() * count))) report.pool++;
            continue;
          }
          report.workers++;
          if (broker instanceof RedisCounts && victim.side === "python")
            report.window += await killOutsideTheWindow(victim, members, broker, ledger);
          else await victim.kill();
          // Nobody waits for it: the others go on meanwhile.
          victim.start().catch((error: unknown) => console.log("a worker could not be started", error));
        }
        const seconds = (Date.now() - begun) / 1000;
        if (!acksLate) await pause(1000);
        const runs = await ledger.runs();
        tell(runs, members, { ...report, seconds });
        assert.equal(new Set(runs.map(({ id }) => id)).size, tasks, "tasks were lost");
        await Promise.all(members.map((member) => member.start().catch(() => undefined)));
        await until(async () => (await broker.waiting()) === 0 && (await broker.unacknowledged()) === 0);
        await Promise.all(members.map((member) => member.stop()));
        assert.equal(await broker.waiting(), 0);
        assert.equal(await broker.unacknowledged(), 0);
      } finally {
        broker.close();
      }
    });
  });

async function send(app: Celery, queue: string, random: () => number): Promise<void> {
  for (let first = 0; first < tasks; first += 1000)
    await Promise.all(
      Array.from({ length: Math.min(1000, tasks - first) }, () =>
        app.sendTask("chaos.work", [2 + Math.floor(random() * 8)], { queue }),
      ),
    );
}

/**
 * Kombu takes a message out of Redis with one command and notes with another that it did: a Python worker that is
 * killed in between loses it. That is nobody's fault here, so Python workers are killed at any other moment. Returns
 * how often that meant to wait.
 */
async function killOutsideTheWindow(
  victim: Member,
  members: readonly Member[],
  counts: RedisCounts,
  ledger: Ledger,
): Promise<number> {
  for (let waits = 0; ; waits++) {
    for (const member of members) member.signal("SIGSTOP");
    try {
      const { waiting, taken } = await counts.snapshot();
      const done = await ledger.done();
      const ranAndTaken = (await ledger.among(taken)).length;
      const nowhere = tasks - (waiting + taken.length + done - ranAndTaken);
      if (nowhere === 0 || !acksLate) {
        await victim.kill();
        // A client that has died while it waited for a message would still be given the next one.
        await counts.noticed();
        return waits;
      }
      if (waits > 200) throw new Error(`${nowhere} tasks are nowhere (${waiting} wait, ${done} ran): they were lost`);
    } finally {
      for (const member of members) member.signal("SIGCONT");
    }
    // On a busy machine it takes a while until the one that has it can go on.
    await pause(Math.min(3 * (waits + 1), 200));
  }
}

/** Prints what the run was like: the number of repeats, and where they came from. */
function tell(
  runs: readonly Noted[],
  members: readonly Member[],
  { workers, pool, window, seconds }: { workers: number; pool: number; window: number; seconds: number },
): void {
  const killed = new Set(members.flatMap((member) => member.killed));
  const first = new Map<string, Noted>();
  const repeats = { "after a kill": 0, "of a task whose worker lived on": 0, "not marked as redelivered": 0 };
  for (const run of runs) {
    const before = first.get(run.id);
    first.set(run.id, run);
    if (!before) continue;
    repeats[killed.has(before.pid) ? "after a kill" : "of a task whose worker lived on"]++;
    if (!run.redelivered) repeats["not marked as redelivered"]++;
  }
  const share = (side: Noted["side"]): number => runs.filter((run) => run.side === side).length;
  console.log(
    `      seed ${seed}: ${first.size} of ${tasks} tasks in ${Math.round(seconds)} s, ${share("python")} runs by Python, ` +
      `${share("node")} by Node; ${workers} workers and ${pool} pool processes killed` +
      (window > 0 ? ` (${window} times a moment later)` : ""),
  );
  const returned = runs.filter((run) => run.redelivered).length;
  console.log(
    `      ${returned} runs of messages that came back; repeats: ${runs.length - first.size} ${JSON.stringify(repeats)}`,
  );
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomly(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
