import assert from "node:assert/strict";
import { OperationalError } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { silentLogger } from "../../util/logger.js";
import { sleep } from "../../util/time.js";
import { state, Watching } from "../../testing/backend/scene.js";
import { openResources, until } from "../../testing/harness.js";
import { Poller } from "./poller.js";
import type { PollTiming, Seen } from "./poller.js";

/** A table in memory, which counts how it is asked. */
class Rows {
  readonly records = new Map<string, ResultRecord>();
  readonly queries: number[] = [];
  /** Milliseconds that a query takes. */
  slow = 1;
  decoded = 0;
  failing: Error | null = null;

  put(record: ResultRecord): void {
    this.records.set(record.taskId, record);
  }

  readonly read = async (ids: readonly string[]): Promise<ReadonlyMap<string, Seen>> => {
    this.queries.push(ids.length);
    await sleep(this.slow);
    if (this.failing) throw this.failing;
    const found = new Map<string, Seen>();
    for (const id of ids) {
      const record = this.records.get(id);
      if (!record) continue;
      const row = { status: record.status, result: Buffer.from(JSON.stringify(record.result)) };
      found.set(id, {
        row,
        decode: () => {
          this.decoded++;
          return record;
        },
      });
    }
    return found;
  };

  poller(timing: Partial<PollTiming> = {}): Poller {
    return new Poller({ read: this.read, logger: silentLogger, timing });
  }
}

describe("polling for results", () => {
  it("tasks that are awaited together are one query, whenever their waiting began", async () => {
    const rows = new Rows();
    const poller = rows.poller({ max: 200 });
    const watching: Watching[] = [];
    for (let i = 0; i < 100; i++) {
      watching.push(new Watching(poller.watch([`t${i}`], undefined)));
      if (i % 10 === 0) await sleep(5);
    }
    await sleep(500);
    const before = rows.queries.length;
    await sleep(800);
    // Each is looked at every 160 to 240 ms, and those who are due within half of that come along.
    const queries = rows.queries.length - before;
    assert.ok(queries <= 11, `${queries} queries in 0.8 seconds`);
    for (let i = 0; i < 100; i++) rows.put(state(`t${i}`, "SUCCESS", i));
    for (const one of watching) await one.done();
    assert.equal(rows.decoded, 100);
  });

  it("the pause grows while nothing happens, and is short again after a change", async () => {
    const rows = new Rows();
    const watching = new Watching(rows.poller({ first: 10, factor: 2, max: 400 }).watch(["t"], undefined));
    rows.put(state("t", "STARTED"));
    await watching.has("STARTED");
    await sleep(1000);
    const slow = rows.queries.length;
    assert.ok(slow <= 11, `${slow} queries`);
    rows.put(state("t", "PROGRESS"));
    await watching.has("PROGRESS");
    rows.put(state("t", "SUCCESS"));
    await watching.done();
    assert.equal(rows.decoded, 3);
  });

  it("what this process writes is seen at once", async () => {
    const rows = new Rows();
    const poller = rows.poller({ first: 600, max: 5000, factor: 10 });
    const watching = new Watching(poller.watch(["t"], undefined));
    await until("the first look", () => rows.queries.length === 1);
    await sleep(10);
    rows.put(state("t", "SUCCESS"));
    poller.look("t");
    poller.look("unknown");
    // One rest lies in between, of half the shortest pause.
    await watching.done();
    assert.equal(rows.queries.length, 2);
  });

  it("one slow query does not put off the next for long", async () => {
    const rows = new Rows();
    const watching = new Watching(rows.poller({ max: 100 }).watch(["t"], undefined));
    await until("a look", () => rows.queries.length > 1);
    rows.slow = 1000;
    const asked = rows.queries.length;
    await until("a slow look", () => rows.queries.length > asked);
    rows.slow = 1;
    const since = performance.now();
    rows.put(state("t", "SUCCESS"));
    await watching.done();
    assert.ok(performance.now() - since < 1800, `${performance.now() - since} ms`);
  });

  it("a failing look ends waiting that just begins, and other waiting after the outage", async () => {
    const rows = new Rows();
    const poller = rows.poller({ outage: 300 });
    const early = new Watching(poller.watch(["early"], undefined));
    rows.put(state("early", "STARTED"));
    await early.has("STARTED");
    rows.failing = new OperationalError("away");
    const late = new Watching(poller.watch(["late"], undefined));
    assert.equal(await late.failed(), rows.failing);
    assert.equal(early.ended, false);
    const error = await early.failed();
    assert.ok(error instanceof OperationalError && /0\.3 s: away/.test(error.message));
  });

  it("a look that failed is made again, and an error that lasts is not waited out", async () => {
    const rows = new Rows();
    const poller = rows.poller();
    const watching = new Watching(poller.watch(["t"], undefined));
    rows.put(state("t", "STARTED"));
    await watching.has("STARTED");
    rows.failing = new OperationalError("away");
    await sleep(50);
    rows.failing = null;
    rows.put(state("t", "RETRY"));
    await watching.has("RETRY");
    rows.failing = new OperationalError("no such table", { retriable: false });
    assert.equal(await watching.failed(), rows.failing);
  });

  it("who waits holds the process, and nobody else", async () => {
    // Mocha starts its own timer once the test has returned its promise.
    await Promise.resolve();
    const before = openResources().get("Timeout") ?? 0;
    const rows = new Rows();
    const poller = rows.poller();
    const control = new AbortController();
    const watching = new Watching(poller.watch(["t"], control.signal));
    await until("a look", () => rows.queries.length > 1);
    control.abort(new Error("enough"));
    await watching.failed();
    await sleep(20);
    assert.equal(openResources().get("Timeout") ?? 0, before);
  });
});
