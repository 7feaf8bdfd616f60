import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Celery, OperationalError, registerBackend } from "celeriac";
import { backendOptions } from "celeriac/drivers";
import type { BackendOptions } from "celeriac/drivers";
import { backendConformance } from "celeriac/testing";
import { Worker } from "celeriac/worker";
import open from "./http-backend.js";

describe("example: results in a service that speaks HTTP", () => {
  let service: ChildProcess;
  let port = 0;
  const url = (login = "celery:secret"): string => `http+kv://${login}@127.0.0.1:${port}/results`;
  before(async () => {
    const program = new URL("service.ts", import.meta.url).pathname;
    service = spawn(process.execPath, ["--import", "tsx", program], { stdio: ["pipe", "pipe", "inherit"] });
    const [said] = (await once(service.stdout as NodeJS.EventEmitter, "data")) as [Buffer];
    port = Number(String(said));
  });
  after(async () => {
    service.kill();
    await once(service, "close");
  });

  const put = async (key: string, body: Uint8Array<ArrayBuffer>): Promise<void> => {
    const headers = { authorization: `Basic ${btoa("celery:secret")}` };
    await fetch(`http://127.0.0.1:${port}/results/${encodeURIComponent(key)}`, { method: "PUT", body, headers });
  };
  backendConformance({
    it,
    describe,
    open: (changes: Partial<BackendOptions> = {}) => open(url(), backendOptions(changes)),
    corrupt: (_reader, taskId, bytes) => put(`celery-task-meta-${taskId}`, new Uint8Array(bytes)),
    secret: "secret",
  });

  it("is known by its scheme once it is registered", async () => {
    registerBackend("http+kv", () => import("./http-backend.js"));
    await using app = new Celery({ broker: "memory://example", backend: url() });
    const add = app.task("add", (x: number, y: number) => x + y);
    await using _worker = await new Worker(app).start();
    assert.equal(await add.delay(2, 3).get({ timeout: 10 }), 5);
  });

  it("tells of a wrong password, without naming it", async () => {
    const backend = open(url("celery:wr0ng"), backendOptions());
    const refused = (error: unknown): boolean =>
      error instanceof OperationalError &&
      !error.retriable &&
      /401/.test(error.message) &&
      !/wr0ng/.test(error.message);
    await assert.rejects(backend.load("id"), refused);
    await backend.close();
  });
});
