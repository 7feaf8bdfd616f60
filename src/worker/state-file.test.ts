import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LamportClock } from "../client/clock.js";
import { ImproperlyConfigured } from "../errors.js";
import { RevokedTasks } from "./revoked.js";
import { type KeptState, StateFile } from "./state-file.js";

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const state = (): KeptState => ({ revoked: new RevokedTasks(), clock: new LamportClock() });

describe("state file", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "celeriac-state-"));
    file = join(folder, "worker.state");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("keeps ids with their ages, and the clock, and leaves nothing else behind", async () => {
    const first = state();
    const opened = await StateFile.open(file, first, silent);
    for (const id of ["a", "b"]) first.revoked.add(id);
    first.clock.adjust(41);
    await opened.close();
    await opened.close();
    assert.deepEqual(readdirSync(folder), ["worker.state"]);
    const second = state();
    second.revoked.add("b");
    const again = await StateFile.open(file, second, silent);
    assert.deepEqual(second.revoked.ids(), ["a", "b"]);
    assert.ok([...second.revoked.ages()].every(([, age]) => age >= 0 && age < 10_000));
    assert.ok(second.clock.value > 42);
    await again.close();
  });

  it("drops what has expired since", async () => {
    const revoked = [
      ["old", Date.now() - 10_801_000],
      ["new", Date.now() - 10_000],
    ];
    writeFileSync(file, JSON.stringify({ format: "celeriac worker state 1", clock: 7, revoked }));
    const kept = state();
    await (await StateFile.open(file, kept, silent)).close();
    assert.deepEqual(kept.revoked.ids(), ["new"]);
  });

  it("is written soon after a change, without waiting for the end", async () => {
    const kept = state();
    const opened = await StateFile.open(file, kept, silent);
    kept.revoked.add("soon");
    while (!readFileSync(file, "utf8").includes("soon")) await new Promise((resolve) => setTimeout(resolve, 10));
    await opened.close();
  });

  it("belongs to one worker at a time, and is free when that one was killed", async () => {
    const opened = await StateFile.open(file, state(), silent);
    await assert.rejects(StateFile.open(file, state(), silent), (error) => {
      assert.ok(error instanceof ImproperlyConfigured);
      assert.match(error.message, /worker\.state is used by another worker/);
      return true;
    });
    await opened.close();
    await (await StateFile.open(file, state(), silent)).close();
    // A process that ends without closing leaves its socket behind.
    const script = `require("node:net").createServer().listen(${JSON.stringify(`${file}.lock`)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    assert.ok(readdirSync(folder).includes("worker.state.lock"));
    await (await StateFile.open(file, state(), silent)).close();
    assert.deepEqual(readdirSync(folder), ["worker.state"]);
  });

  it("works beside a file that happens to have the name of its socket, and with long names", async () => {
    writeFileSync(`${file}.lock`, "mine");
    const opened = await StateFile.open(file, state(), silent);
    await assert.rejects(StateFile.open(file, state(), silent), /another worker/);
    await opened.close();
    assert.equal(readFileSync(`${file}.lock`, "utf8"), "mine");
    const long = join(folder, "x".repeat(150));
    const one = await StateFile.open(long, state(), silent);
    await assert.rejects(StateFile.open(long, state(), silent), /another worker/);
    await one.close();
  });

  it("refuses what is not its own, names it, and leaves it as it is", async () => {
    for (const text of [
      "\x13\x57\x9a\xce",
      "{",
      "[]",
      '{"format":"celeriac worker state 1","revoked":[[1]]}',
      "null",
    ]) {
      writeFileSync(file, text);
      await assert.rejects(StateFile.open(file, state(), silent), (error) => {
        assert.ok(error instanceof ImproperlyConfigured);
        assert.match(error.message, /worker\.state is not a state file/);
        return true;
      });
      assert.equal(readFileSync(file, "utf8"), text);
    }
    writeFileSync(file, "");
    await (await StateFile.open(file, state(), silent)).close();
  });

  it("says at the start where it cannot be written", async () => {
    await assert.rejects(StateFile.open(join(folder, "none", "x"), state(), silent), /none\/x cannot be written/);
  });
});
