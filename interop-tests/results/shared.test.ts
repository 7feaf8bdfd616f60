import assert from "node:assert/strict";
import type { Backend } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import type { ResultNode } from "../../src/protocol/result.js";
import { DateTime, Decimal, Uuid } from "../../src/protocol/values.js";
import { drain, loaded, state, Watching } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import { sleep } from "../../src/util/time.js";
import { backendOptions, backends } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import { celeryVersions, newestCelery } from "../python/venvs.mjs";
import { needShared } from "../servers/shared.js";

/** What one language stores the other reads, in every store that both can reach. */
const wanted = process.env.CELERY_VERSIONS?.split(",");
const failure = { exc_type: "ValueError", exc_message: ["boom", 3], exc_module: "builtins" };

for (const driver of backends.filter(({ name }) => name === "redis" || name === "file"))
  for (const version of celeryVersions.filter((one) => !wanted || wanted.includes(one)))
    describe(`results in ${driver.name} shared with Celery ${version}`, function () {
      this.timeout(60_000);
      // Before kombu 5.3 JSON has no types of its own: a datetime is stored as text.
      const typed = !version.startsWith("5.2.");
      let place: Place;
      let python: PythonClient;
      let backend: Backend;

      before(async function () {
        if (driver.server) await needShared(this, driver.server);
        place = await driver.prepare();
        const target = place.python;
        if (!target) throw new Error(`Python cannot reach ${driver.name}`);
        python = await PythonClient.start({ version, broker: "memory://", backend: target.url });
        backend = await openBackend(place.url, backendOptions(place));
      });
      after(async () => {
        await backend?.close();
        await python?.close();
        await place?.close();
      });

      const values: Record<string, unknown> = {
        number: 3,
        text: 'naïve "quoted" \u{1F955} \\ \n',
        list: [1, -2.5, true, null, { a: { b: [] } }],
        big: 2n ** 80n,
        nothing: null,
        ...(typed && {
          moment: new DateTime("2026-02-03T04:05:06.123456+00:00"),
          decimal: new Decimal("1.10"),
          id: new Uuid("12345678-1234-5678-1234-567812345678"),
          bytes: new Uint8Array([255, 0, 1]),
        }),
      };

      it("Python gets the values that we store", async () => {
        for (const [name, value] of Object.entries(values)) {
          const id = newId();
          await backend.store(state(id, "SUCCESS", value));
          assert.deepEqual((await python.get(id)).value, value, name);
        }
      });

      it("we read the values that Python stores, and write them the same, byte by byte", async () => {
        for (const [name, value] of Object.entries(values)) {
          const id = newId();
          const original = await python.run(
            "app.backend.store_result(values['id'], values['value'], 'SUCCESS')\n" +
              "return app.backend.get(app.backend.get_key_for_task(values['id']))",
            { id, value },
          );
          const record = await backend.load(id);
          assert.ok(record);
          assert.deepEqual(record.result, value, name);
          assert.equal(record.children, null);
          await backend.forget(id);
          await backend.store(record);
          const ours = await python.run("return app.backend.get(app.backend.get_key_for_task(values['id']))", { id });
          assert.deepEqual(ours, original, name);
        }
      });

      it("Python raises the failures that we store", async () => {
        const id = newId();
        const traceback = "Traceback (most recent call last):\nValueError: boom";
        await backend.store(state(id, "FAILURE", failure, { traceback }));
        const { raised } = await python.get(id);
        assert.equal(raised?.type, "ValueError");
        assert.equal(raised.module, "builtins");
        assert.deepEqual(raised.args, ["boom", 3]);
        assert.equal(raised.traceback, traceback);
        const revoked = newId();
        const reason = { exc_type: "TaskRevokedError", exc_message: ["revoked"], exc_module: "celery.exceptions" };
        await backend.store(state(revoked, "REVOKED", reason, { children: null }));
        assert.equal((await python.get(revoked)).raised?.type, "TaskRevokedError");
      });

      it("we read the failures and states that Python stores", async () => {
        const id = newId();
        await python.run(
          "app.backend.mark_as_failure(values['id'], KeyError('boom', 3), traceback='Traceback text', store_result=True)",
          { id },
        );
        const record = await backend.load(id);
        assert.equal(record?.status, "FAILURE");
        assert.deepEqual(record.result, { exc_type: "KeyError", exc_message: ["boom", 3], exc_module: "builtins" });
        assert.equal(record.traceback, "Traceback text");
        const started = newId();
        await python.run("app.backend.mark_as_started(values['id'], pid=3, hostname='celery@h')", { id: started });
        assert.deepEqual((await backend.load(started))?.result, { pid: 3, hostname: "celery@h" });
        assert.equal((await backend.load(started))?.dateDone, null);
      });

      it("custom states, parents and children mean the same", async () => {
        const id = newId();
        await backend.store(state(id, "PROGRESS", { pct: 5 }));
        const seen = await python.state(id);
        assert.equal(seen.state, "PROGRESS");
        assert.deepEqual(seen.info, { pct: 5 });
        const children: ResultNode[] = [
          { id: "child", parent: { id: "parent", parent: null, children: null }, children: null },
          { id: "group", parent: null, children: [{ id: "member", parent: null, children: null }] },
        ];
        await backend.store(state(id, "SUCCESS", 1, { children }));
        const tuples = await python.run("return [c.as_tuple() for c in AsyncResult(values['id'], app=app).children]", {
          id,
        });
        assert.deepEqual(tuples, [
          [["child", [["parent", null], null]], null],
          [["group", null], [[["member", null], null]]],
        ]);
      });

      it("groups saved by one are restored by the other", async () => {
        const ours: ResultNode = {
          id: newId(),
          parent: null,
          children: [newId(), newId()].map((id) => ({ id, parent: null, children: null })),
        };
        await backend.saveGroup(ours);
        const members = await python.run("return [r.id for r in GroupResult.restore(values['id'], app=app).results]", {
          id: ours.id,
        });
        assert.deepEqual(
          members,
          ours.children?.map(({ id }) => id),
        );
        const id = newId();
        await python.run(
          "GroupResult(values['id'], [AsyncResult('a', app=app), AsyncResult('b', app=app)], app=app).save()",
          {
            id,
          },
        );
        assert.deepEqual(
          (await backend.loadGroup(id))?.children?.map((one) => one.id),
          ["a", "b"],
        );
      });

      it("neither replaces the other's SUCCESS", async () => {
        const id = newId();
        await backend.store(state(id, "SUCCESS", "ours"));
        await python.run("app.backend.store_result(values['id'], ValueError('late'), 'FAILURE')", { id });
        assert.equal((await backend.load(id))?.result, "ours");
        const other = newId();
        await python.run("app.backend.store_result(values['id'], 'theirs', 'SUCCESS')", { id: other });
        await backend.store(state(other, "FAILURE", failure));
        assert.equal((await python.get(other)).value, "theirs");
      });

      it("Python's waiting get() ends with what we store meanwhile, not with STARTED", async () => {
        const id = newId();
        const got = python.get(id, 10);
        await sleep(200);
        await backend.store(state(id, "STARTED", { pid: 1, hostname: "h" }));
        await sleep(100);
        await backend.store(state(id, "SUCCESS", "in time"));
        assert.equal((await got).value, "in time");
      });

      it("our waiting ends with what Python stores meanwhile, not with STARTED", async () => {
        const id = newId();
        const watching = new Watching(backend.watch([id]));
        await sleep(50);
        await python.run("app.backend.mark_as_started(values['id'], pid=3)", { id });
        await watching.has("STARTED");
        assert.equal(watching.ended, false);
        await python.run("app.backend.store_result(values['id'], 7, 'SUCCESS')", { id });
        assert.equal((await watching.done()).at(-1)?.result, 7);
        assert.deepEqual(watching.statuses, ["STARTED", "SUCCESS"]);
      });

      it("a thousand results that Python stores arrive, each whole", async () => {
        const ids = Array.from({ length: 1000 }, newId);
        const watching = new Watching(backend.watch(ids));
        await python.run("for id in values['ids']: app.backend.store_result(id, [id] * 50, 'SUCCESS')", { ids });
        const records = await watching.done();
        assert.equal(records.length, 1000);
        for (const { taskId, result } of records) assert.deepEqual(result, Array<string>(50).fill(taskId));
      });

      if (version === newestCelery)
        for (const serializer of ["yaml", "msgpack"])
          it(`results in ${serializer}`, async () => {
            const content = { result_serializer: serializer, result_accept_content: [serializer] };
            const target = place.python;
            if (!target) return;
            const other = await PythonClient.start({
              version,
              broker: "memory://",
              backend: target.url,
              conf: content,
            });
            const changed = await openBackend(
              place.url,
              backendOptions(place, { serializer, acceptContent: [serializer] }),
            );
            try {
              const value = { text: "ü", list: [1, 2.5, null, true] };
              const [one, two] = [newId(), newId()];
              await changed.store(state(one, "SUCCESS", value));
              assert.deepEqual((await other.get(one)).value, value);
              await other.run("app.backend.store_result(values['id'], values['value'], 'SUCCESS')", { id: two, value });
              assert.deepEqual((await loaded(changed, two, "SUCCESS")).result, value);
              assert.equal((await drain(changed.watch([two]))).length, 1);
            } finally {
              await changed.close();
              await other.close();
            }
          });

      if (version === newestCelery)
        it("results that are compressed here are read by Python, whatever its own setting", async () => {
          const target = place.python;
          if (!target) return;
          const writer = await openBackend(place.url, backendOptions(place, { compression: "gzip" }));
          const other = await PythonClient.start({ version, broker: "memory://", backend: target.url });
          try {
            const id = newId();
            const value = "compressed ".repeat(1000);
            await writer.store(state(id, "SUCCESS", value));
            const code = "return len(app.backend.get(app.backend.get_key_for_task(values['id'])))";
            assert.ok(((await other.run(code, { id })) as number) < 1000, "nothing was compressed");
            assert.deepEqual(await other.get(id), { value });
          } finally {
            await other.close();
            await writer.close();
          }
        });

      if (version === newestCelery)
        it("results that Python compresses are read", async () => {
          const target = place.python;
          if (!target) return;
          const conf = { result_compression: "gzip" };
          const other = await PythonClient.start({ version, broker: "memory://", backend: target.url, conf });
          try {
            const id = newId();
            const value = "compressed ".repeat(1000);
            const watching = new Watching(backend.watch([id]));
            const code =
              "app.backend.store_result(values['id'], values['value'], 'SUCCESS')\n" +
              "return len(app.backend.get(app.backend.get_key_for_task(values['id'])))";
            assert.ok(((await other.run(code, { id, value })) as number) < 1000, "Python did not compress");
            assert.equal((await backend.load(id))?.result, value);
            assert.equal((await watching.done()).at(-1)?.result, value);
          } finally {
            await other.close();
          }
        });

      if (version === newestCelery)
        it("a global key prefix means the same keys", async () => {
          const target = place.python;
          if (!target) return;
          for (const global_keyprefix of ["proj", "proj:"]) {
            const transportOptions = { ...place.transportOptions, global_keyprefix };
            const conf = { result_backend_transport_options: transportOptions };
            const other = await PythonClient.start({ version, broker: "memory://", backend: target.url, conf });
            const prefixed = await openBackend(place.url, backendOptions(place, { transportOptions }));
            try {
              const [one, two] = [newId(), newId()];
              await prefixed.store(state(one, "SUCCESS", 1));
              assert.equal((await other.get(one)).value, 1);
              const watching = new Watching(prefixed.watch([two]));
              await sleep(50);
              await other.run("app.backend.store_result(values['id'], 2, 'SUCCESS')", { id: two });
              assert.equal((await watching.done()).at(-1)?.result, 2);
              assert.equal(await backend.load(one), null);
            } finally {
              await prefixed.close();
              await other.close();
            }
          }
        });
    });
