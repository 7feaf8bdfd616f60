import assert from "node:assert/strict";
import { CeleryError, ContentDisallowed, DecodeError, EncodeError, NotSupported } from "../../errors.js";
import type { ResultNode } from "../../protocol/result.js";
import { newId } from "../../util/id.js";
import { sleep } from "../../util/time.js";
import { until } from "../harness.js";
import type { BackendHarness, Define } from "./scene.js";
import { drain, loaded, rejects, state, storing } from "./scene.js";

const failure = { exc_type: "ValueError", exc_message: ["boom", 3], exc_module: "builtins" };

/** One document per kind of state, as workers write them. */
const STATES: readonly (readonly [status: string, result: unknown])[] = [
  ["STARTED", { pid: 3, hostname: "celery@h" }],
  ["PROGRESS", { done: 5, of: 10 }],
  ["RETRY", failure],
  ["FAILURE", failure],
  ["REVOKED", { exc_type: "TaskRevokedError", exc_message: ["revoked"], exc_module: "celery.exceptions" }],
  ["SUCCESS", { answer: [1, 2.5, "drei", null, true, { ü: "\u{1F955}" }] }],
];

/** Writing one state and reading it. */
export function storingTests(define: Define, harness: BackendHarness): void {
  define("an unknown task has no state", async (scene) => {
    const backend = await scene.open();
    if (!backend.capabilities.results) {
      await rejects(harness, NotSupported, () => backend.load(newId()));
      await rejects(harness, NotSupported, () => drain(backend.watch([newId()])));
      await backend.store(state(newId(), "SUCCESS", 1));
      return;
    }
    assert.equal(await backend.load(newId()), null);
  });

  for (const [status, result] of STATES)
    define(`a stored ${status} is read by another backend`, async (scene) => {
      const { reader, store } = await scene.pair();
      if (!reader.capabilities.results) return;
      const id = await scene.task(reader);
      const traceback = status === "FAILURE" ? "Traceback (most recent call last):\nValueError: boom" : null;
      await store(state(id, status, result, { traceback }));
      const record = await loaded(reader, id, status);
      assert.equal(record.taskId, id);
      assert.deepEqual(record.result, result);
      assert.equal(record.traceback, traceback);
      assert.deepEqual(record.children, reader.capabilities.loses?.includes("children") ? null : []);
    });

  define("who sent what travels with the result", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    const parent: ResultNode = { id: "parent", parent: null, children: null };
    const children: ResultNode[] = [
      { id: "child", parent, children: null },
      { id: "group", parent: null, children: [{ id: "member", parent: null, children: null }] },
    ];
    const extended = { name: "proj.add", args: [1, 2], kwargs: { a: 1 }, worker: "w@h", retries: 2, queue: "celery" };
    await store(state(id, "SUCCESS", 3, { children, groupId: "g", parentId: "p", extended }));
    const record = await loaded(reader, id, "SUCCESS");
    const { loses = [], persistent } = reader.capabilities;
    assert.deepEqual(record.children, loses.includes("children") ? null : children);
    // Python's rpc sends five fields only.
    if (!persistent) return;
    const done = "2026-11-20T15:48:29.687293+00:00";
    if (loses.length === 0) assert.equal(record.dateDone, done);
    const drift = Date.parse(record.dateDone ?? "") - Date.parse(done);
    assert.ok(Math.abs(drift) <= 1000, `dateDone is ${record.dateDone}`);
    assert.equal(record.groupId ?? null, loses.includes("groupId") ? null : "g");
    assert.equal(record.parentId ?? null, loses.includes("parentId") ? null : "p");
    assert.deepEqual(record.extended ?? null, loses.includes("extended") ? null : extended);
  });

  define("values arrive whole: large, unicode, beyond JavaScript's numbers", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    const { maxResult = Infinity } = reader.capabilities;
    const sized = (bytes: number): unknown => ({
      text: "ä€\u{1F955}".repeat(bytes / 9),
      big: 2n ** 70n,
      infinite: Infinity,
      empty: "",
    });
    const value = sized(Math.min(900_000, maxResult / 2));
    await store(state(id, "SUCCESS", value));
    if (maxResult < Infinity)
      await rejects(harness, EncodeError, () => store(state(newId(), "SUCCESS", sized(2 * maxResult))));
    assert.deepEqual((await loaded(reader, id, "SUCCESS")).result, value);
  });

  define("later states replace earlier ones", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    for (const [status, result] of STATES) await store(state(id, status, result));
    await loaded(reader, id, "SUCCESS");
  });

  define("a stored SUCCESS stays, where that is promised", async (scene) => {
    const { reader, store, writer } = await scene.pair();
    if (!reader.capabilities.keepsSuccess) return;
    const id = await scene.task(reader);
    await store(state(id, "SUCCESS", 1));
    for (const status of ["STARTED", "FAILURE", "REVOKED", "SUCCESS"]) await store(state(id, status, null));
    assert.equal((await reader.load(id))?.result, 1);
    // Also when the states come in one go from one process.
    const other = await scene.task(reader);
    await Promise.all(["STARTED", "SUCCESS", "FAILURE"].map((status) => writer.store(state(other, status))));
    assert.equal((await reader.load(other))?.status, "SUCCESS");
  });

  define("a failure may be replaced by a success", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    await store(state(id, "REVOKED", STATES[4]?.[1]));
    await store(state(id, "SUCCESS", 1));
    await loaded(reader, id, "SUCCESS");
  });

  define("1,000 results stored at once are all there", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    await scene.task(reader);
    const ids = Array.from({ length: 1000 }, newId);
    await Promise.all(ids.map((id, index) => store(state(id, "SUCCESS", index))));
    await loaded(reader, ids.at(-1) as string, "SUCCESS");
    const records = await Promise.all(ids.map((id) => reader.load(id)));
    assert.deepEqual(
      records.map((record) => record?.result),
      ids.map((_, index) => index),
    );
  });

  define("any text can be a task id, or is refused with a reason", async (scene) => {
    const { reader, store } = await scene.pair();
    if (!reader.capabilities.results) return;
    await scene.task(reader);
    const odd = [
      "plain-name",
      "with space",
      "üñï©ødé \u{1F955}",
      "a:b",
      "-x",
      ".",
      "..",
      "../up",
      "a/b",
      "x".repeat(300),
      "%2e",
    ];
    for (const name of odd) {
      const id = name === "." || name === ".." ? name : `${newId()}${name}`;
      let refused = false;
      await store(state(id, "SUCCESS", name)).catch((error: unknown) => {
        assert.ok(error instanceof CeleryError && !error.retriable, `${id}: ${String(error)}`);
        refused = true;
      });
      if (!refused) assert.equal((await loaded(reader, id, "SUCCESS")).result, name);
    }
    await assert.rejects(async () => reader.load(""), CeleryError);
  });

  define("a result of a type that is not accepted is not read", async (scene) => {
    const reader = await scene.open({ acceptContent: ["yaml"] });
    if (!reader.capabilities.results) return;
    const id = await scene.task(reader);
    await storing(await scene.open(), reader)(state(id, "SUCCESS", 1));
    await rejects(harness, ContentDisallowed, () => drain(reader.watch([id])));
    await rejects(harness, ContentDisallowed, () => reader.load(id));
  });

  if (harness.corrupt)
    define("a broken document is an error, never silence", async (scene) => {
      const { reader, store } = await scene.pair();
      for (const bytes of ["{", "", "[]", '{"result": 1}', "\xff\x00"]) {
        const id = await scene.task(reader);
        await harness.corrupt?.(reader, id, Buffer.from(bytes, "latin1"));
        await rejects(harness, DecodeError, () => drain(reader.watch([id])));
        await rejects(harness, DecodeError, () => reader.load(id));
        await store(state(id, "SUCCESS", 1));
        // Where results travel to the reader, the broken one is known until the next arrives.
        await until("the next result", async () =>
          reader.load(id).then(
            (record) => record?.status === "SUCCESS",
            (error: unknown) => {
              if (!(error instanceof DecodeError)) throw error;
              return false;
            },
          ),
        );
      }
    });

  define("a forgotten result is gone", async (scene) => {
    const { reader, store } = await scene.pair();
    const { results, forget } = reader.capabilities;
    if (!results || !forget) return void (await rejects(harness, NotSupported, () => reader.forget(newId())));
    const id = await scene.task(reader);
    await store(state(id, "SUCCESS", 1));
    await loaded(reader, id, "SUCCESS");
    await reader.forget(id);
    assert.equal(await reader.load(id), null);
    await reader.forget(newId());
    await store(state(id, "FAILURE", failure));
    await loaded(reader, id, "FAILURE");
  });

  define("results go away after their time", async (scene) => {
    const { reader, store } = await scene.pair({ resultExpires: 1 });
    const { persistent, autoExpire } = reader.capabilities;
    if (!persistent) return;
    const id = await scene.task(reader);
    await store(state(id, "SUCCESS", 1));
    assert.equal((await reader.load(id))?.status, "SUCCESS");
    if (!autoExpire) await sleep(1100);
    await until("the result to expire", async () => {
      if (!autoExpire) await reader.cleanup();
      return (await reader.load(id)) === null;
    });
  });

  define("results without an expiry stay", async (scene) => {
    for (const resultExpires of [0, null]) {
      const { reader, store } = await scene.pair({ resultExpires });
      if (!reader.capabilities.persistent) return;
      const id = await scene.task(reader);
      await store(state(id, "SUCCESS", 1));
      await reader.cleanup();
      assert.equal((await reader.load(id))?.status, "SUCCESS");
      await reader.forget(id);
    }
  });

  define("groups are saved, restored and deleted, or refused", async (scene) => {
    const { reader, writer } = await scene.pair();
    const node = (id: string, children: ResultNode[] | null = null): ResultNode => ({ id, parent: null, children });
    const group: ResultNode = { ...node(newId(), [node("a"), node("b", [node("c")])]), parent: node("p") };
    if (!reader.capabilities.groups) {
      await rejects(harness, NotSupported, () => writer.saveGroup(group));
      await rejects(harness, NotSupported, () => reader.loadGroup(group.id));
      await rejects(harness, NotSupported, () => reader.deleteGroup(group.id));
      return;
    }
    assert.equal(await reader.loadGroup(group.id), null);
    await writer.saveGroup(group);
    assert.deepEqual(await reader.loadGroup(group.id), group);
    await reader.deleteGroup(group.id);
    assert.equal(await writer.loadGroup(group.id), null);
  });

  define("after close every call is refused, and closing again is fine", async (scene) => {
    const backend = await scene.open();
    const id = newId();
    if (backend.capabilities.results) await backend.load(id);
    await backend.close();
    await backend.close();
    if (!backend.capabilities.results) return;
    const calls: (() => Promise<unknown>)[] = [
      () => backend.load(id),
      () => backend.store(state(id, "SUCCESS"), { replyTo: "nobody" }),
      () => backend.expect(id),
      () => backend.forget(id),
      () => drain(backend.watch([id])),
    ];
    for (const call of calls) assert.equal((await rejects(harness, CeleryError, call)).retriable, false);
  });
}
