import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { Celery, registerBroker } from "celeriac";
import { brokerOptions } from "celeriac/drivers";
import { brokerConformance } from "celeriac/testing";
import { Worker } from "celeriac/worker";
import open from "./sqlite-broker.js";

describe("example: a broker in a SQLite file", () => {
  let folder = "";
  let url = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "celeriac-sqlite-"));
    url = `sqlite://${join(folder, "broker.db")}`;
  });
  after(() => rm(folder, { recursive: true }));

  brokerConformance({
    it,
    describe,
    open: () => open(url, brokerOptions()),
    poison: async (queue) => {
      const database = new DatabaseSync(join(folder, "broker.db"));
      database.prepare("INSERT INTO message (queue, priority, expires, text) VALUES (?, 0, 1e300, ?)").run(queue, "?");
      database.close();
    },
  });

  it("is known by its scheme once it is registered", async () => {
    registerBroker("sqlite", () => import("./sqlite-broker.js"));
    await using app = new Celery({ broker: url, backend: "rpc://" });
    const add = app.task("add", (x: number, y: number) => x + y);
    await using _worker = await new Worker(app).start();
    assert.equal(await add.delay(2, 3).get({ timeout: 10 }), 5);
  });

  it("is handed in as it is", async () => {
    await using app = new Celery({ broker: open(url, brokerOptions()), backend: "rpc://" });
    const add = app.task("add", (x: number, y: number) => x + y);
    await using _worker = await new Worker(app).start();
    assert.equal(await add.delay(2, 3).get({ timeout: 10 }), 5);
  });
});
