import assert from "node:assert/strict";
import { newId } from "../../util/id.js";
import { makeApp } from "../pool/fixtures/make-app.js";
import { Worker } from "../worker.js";

describe("worker: tasks of Celery's own with the threads pool", function () {
  this.timeout(60_000);

  it("maps run in a thread, what only sends and stores beside the worker", async () => {
    const app = makeApp(`memory://${newId()}`);
    const module = new URL("../pool/fixtures/app.ts", import.meta.url);
    const worker = await new Worker(app, { pool: "threads", module, concurrency: 1 }).start();
    try {
      const soon = { timeout: 30 };
      const list = [
        [1, 2],
        [3, 4],
      ];
      assert.deepEqual(await app.sendTask("celery.starmap", ["add", list]).get(soon), [3, 7]);
      const [thread] = (await app.sendTask("celery.starmap", ["thread", [[]]]).get(soon)) as [number];
      assert.ok(thread > 0);
      assert.deepEqual(await app.sendTask("celery.accumulate", [1, 2]).get(soon), [1, 2]);
      const group = (await app.sendTask("celery.chunks", ["add", list, 1]).get(soon)) as [unknown, unknown[]];
      assert.equal(group[1].length, 2);
    } finally {
      await worker.shutdown();
      await app.close();
    }
  });
});
