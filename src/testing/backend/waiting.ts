import assert from "node:assert/strict";
import { CeleryError } from "../../errors.js";
import { newId } from "../../util/id.js";
import { monotonic, sleep } from "../../util/time.js";
import { QUIET_MS, until } from "../harness.js";
import type { BackendHarness, Define } from "./scene.js";
import { loaded, rejects, state, Watching } from "./scene.js";

/** Following the states of tasks. */
export function waitingTests(define: Define, harness: BackendHarness): void {
  define("watching begins with the state there is", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    await store(state(id, "SUCCESS", 1));
    await loaded(reader, id, "SUCCESS");
    assert.deepEqual(
      new Set((await new Watching(reader.watch([id])).done()).map(({ result }) => result)),
      new Set([1]),
    );
    // And once more: what was read is still there.
    assert.equal((await new Watching(reader.watch([id])).done()).length, 1);
  });

  define("every state is passed on, and only a final one ends it", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    const watching = new Watching(reader.watch([id]));
    for (const status of ["STARTED", "PROGRESS", "RETRY", "success"]) {
      await store(state(id, status));
      await watching.has(status);
    }
    await sleep(QUIET_MS);
    assert.equal(watching.ended, false, "a state that is not final ended the iteration");
    await store(state(id, "SUCCESS", "done"));
    const records = await watching.done();
    assert.deepEqual(watching.statuses, ["STARTED", "PROGRESS", "RETRY", "success", "SUCCESS"]);
    assert.equal(records.at(-1)?.result, "done");
  });

  define("progress of one state is seen, each value once", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    const watching = new Watching(reader.watch([id]));
    for (let step = 0; step < 20; step++) {
      await store(state(id, "PROGRESS", step));
      // A store that is looked at every so often may be looked at too late for a state in between.
      if (step === 0 || reader.capabilities.delivery === "poll")
        await until("the step", () => watching.records.at(-1)?.result === step);
    }
    await store(state(id, "SUCCESS", 20));
    const values = (await watching.done()).map(({ result }) => result);
    assert.deepEqual(
      values,
      Array.from({ length: 21 }, (_, step) => step),
    );
  });

  define("watching that starts while the result is stored sees it", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    for (let round = 0; round < 50; round++) {
      const id = await scene.task(reader);
      const stored = store(state(id, "SUCCESS", round));
      // From before the store to after it, in small steps.
      for (let step = 0; step < round % 10; step++) await new Promise<void>((resolve) => void setImmediate(resolve));
      const records = await new Watching(reader.watch([id])).done();
      assert.equal(records.at(-1)?.result, round);
      await stored;
    }
  });

  define("a result is seen soon after it is stored", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const times: number[] = [];
    for (let round = 0; round < 15; round++) {
      const id = await scene.task(reader);
      const watching = new Watching(reader.watch([id]));
      await store(state(id, "STARTED"));
      await watching.has("STARTED");
      const start = monotonic();
      await store(state(id, "SUCCESS"));
      await watching.done();
      times.push(monotonic() - start);
    }
    const median = times.sort((a, b) => a - b)[7] ?? Infinity;
    assert.ok(median < 50, `the median of 15 was ${median} ms`);
  });

  define("1,000 tasks are watched at once, each result coming once", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const ids = await Promise.all(Array.from({ length: 1000 }, () => scene.task(reader)));
    const early = ids.slice(0, 300);
    await Promise.all(early.map((id) => store(state(id, "SUCCESS", id))));
    const watching = new Watching(reader.watch(ids));
    await Promise.all(ids.slice(300).map((id) => store(state(id, "SUCCESS", id))));
    const records = await watching.done();
    assert.equal(records.length, 1000);
    assert.deepEqual(new Set(records.map(({ result }) => result)), new Set(ids));
  });

  define("1,000 watchers of one task each are served", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const ids = await Promise.all(Array.from({ length: 1000 }, () => scene.task(reader)));
    const watching = ids.map((id) => new Watching(reader.watch([id])));
    await Promise.all(ids.map((id) => store(state(id, "SUCCESS", id))));
    for (const [index, one] of watching.entries()) assert.equal((await one.done()).at(-1)?.result, ids[index]);
  });

  define("several watch one task; one may leave early", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    const first = new Watching(reader.watch([id]));
    const leaving = (async () => {
      for await (const record of reader.watch([id])) return record.status;
      return "nothing";
    })();
    await store(state(id, "STARTED"));
    assert.equal(await leaving, "STARTED");
    await first.has("STARTED");
    // Who comes later begins with the present state too.
    const late = await new Watching(reader.watch([id])).has("STARTED");
    await store(state(id, "SUCCESS"));
    await first.done();
    await late.done();
    assert.deepEqual(first.statuses, ["STARTED", "SUCCESS"]);
    assert.deepEqual(late.statuses, ["STARTED", "SUCCESS"]);
  });

  define("no tasks end at once, and a task named twice comes once", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    assert.deepEqual(await new Watching(reader.watch([])).done(), []);
    const id = await scene.task(reader);
    await store(state(id, "SUCCESS"));
    await loaded(reader, id, "SUCCESS");
    assert.equal((await new Watching(reader.watch([id, id])).done()).length, 1);
  });

  define("a task that is done counts once, whatever is stored afterwards", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const [done, open] = [await scene.task(reader), await scene.task(reader)];
    const watching = new Watching(reader.watch([done, open]));
    for (const status of ["REVOKED", "STARTED", "SUCCESS"]) {
      await store(state(done, status));
      await watching.has("REVOKED");
    }
    await store(state(open, "STARTED"));
    await watching.has("STARTED");
    assert.equal(watching.ended, false);
    await store(state(open, "SUCCESS"));
    await watching.done();
    assert.deepEqual(watching.statuses, ["REVOKED", "STARTED", "SUCCESS"]);
  });

  define("watching ends with the signal's reason", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    const reason = new Error("enough");
    const control = new AbortController();
    const watching = new Watching(reader.watch([id], { signal: control.signal }));
    await store(state(id, "STARTED"));
    await watching.has("STARTED");
    control.abort(reason);
    assert.equal(await watching.failed(), reason);
    const late = new Watching(reader.watch([newId()], { signal: control.signal }));
    assert.equal(await late.failed(), reason);
    // The task goes on being watchable.
    const again = new Watching(reader.watch([id]));
    await store(state(id, "SUCCESS"));
    await again.done();
  });

  define("a state that was seen and forgotten comes anew", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results || !reader.capabilities.forget) return;
    const id = await scene.task(reader);
    await store(state(id, "SUCCESS", 1));
    await new Watching(reader.watch([id])).done();
    await reader.forget(id);
    const watching = new Watching(reader.watch([id]));
    await sleep(QUIET_MS);
    assert.equal(watching.ended, false);
    await store(state(id, "SUCCESS", 2));
    assert.equal((await watching.done()).at(-1)?.result, 2);
  });

  define("closing ends all watching with an error", async (scene) => {
    const { reader } = await scene.pair();
    if (!reader.capabilities.results) return;
    const all = [newId(), newId()].map((id) => new Watching(reader.watch([id])));
    await sleep(QUIET_MS);
    await reader.close();
    for (const one of all)
      await rejects(harness, CeleryError, () => one.failed().then((error) => Promise.reject(error as Error)));
  });
}
