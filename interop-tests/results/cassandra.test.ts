import assert from "node:assert/strict";
import { auth, Client, tracker } from "cassandra-driver";
import type { Backend, BackendOptions } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import { DecodeError, EncodeError, ImproperlyConfigured, OperationalError } from "../../src/errors.js";
import type { CeleryOptions } from "../../src/index.js";
import { loaded, state, Watching } from "../../src/testing/backend/scene.js";
import { expectReleased, openResources, until } from "../../src/testing/harness.js";
import { newId } from "../../src/util/id.js";
import { sleep } from "../../src/util/time.js";
import { administer } from "../drivers/cassandra.js";
import { backendOptions, backends } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import type { Server } from "../servers/index.js";
import { needShared } from "../servers/shared.js";
import { Proxy } from "./proxy.js";

/** What is special about results in Cassandra, seen from the server's side. */
const driver = backends.find(({ name }) => name === "cassandra");

if (driver)
  describe("results in Cassandra", function () {
    this.timeout(60_000);
    let server: Server;
    let place: Place;
    let admin: Client;
    let keyspace: string;
    const opened: Backend[] = [];

    const open = async (
      settings: Partial<CeleryOptions> = {},
      changes: Partial<BackendOptions> = {},
      url = place.url,
    ): Promise<Backend> => {
      const options = backendOptions(place, { ...changes, settings: { ...place.settings, ...settings } });
      const backend = await openBackend(url, options);
      opened.push(backend);
      return backend;
    };
    /** All rows of a task, oldest first. */
    const rows = async (taskId: string, table = "results"): Promise<Record<string, unknown>[]> => {
      const query = `SELECT status, date_done, result, TTL(result) AS ttl FROM ${keyspace}.${table} WHERE task_id = ?`;
      const { rows: found } = await admin.execute(query, [taskId], { prepare: true });
      return found.map((row) => ({ ...row })).reverse();
    };
    const insert = (
      taskId: string,
      status: string,
      date: Date,
      more: Record<string, Buffer> = {},
    ): Promise<unknown> => {
      const columns = {
        result: Buffer.from("1"),
        traceback: Buffer.from("null"),
        children: Buffer.from("[]"),
        ...more,
      };
      const query =
        `INSERT INTO ${keyspace}.results (task_id, status, date_done, result, traceback, children) ` +
        "VALUES (?, ?, ?, ?, ?, ?)";
      const { result, traceback, children } = columns;
      return admin.execute(query, [taskId, status, date, result, traceback, children], { prepare: true });
    };
    const fails = async (
      kind: abstract new (...args: never[]) => Error,
      expected: RegExp,
      call: () => Promise<unknown>,
    ): Promise<OperationalError> => {
      const error = await call().then(
        () => assert.fail("it succeeded"),
        (reason: unknown) => reason as OperationalError,
      );
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, expected);
      assert.ok(!error.message.includes("se/cret-key"), "the password is seen");
      return error;
    };

    /** What is open now, and the runner's timer for this test, which it starts when it has the test's promise. */
    const resources = (): Promise<Map<string, number>> => Promise.resolve().then(openResources);

    before(async function () {
      server = await needShared(this, "cassandra");
      place = await driver.prepare();
      keyspace = String(place.settings?.cassandraKeyspace);
      const { hostname, port, username, password } = new URL(server.url);
      admin = new Client({
        contactPoints: [`${hostname}:${port}`],
        localDataCenter: "datacenter1",
        authProvider: new auth.PlainTextAuthProvider(username, password),
      });
      await admin.connect();
    });
    afterEach(() => Promise.all(opened.splice(0).map((backend) => backend.close())));
    after(async () => {
      await admin?.shutdown();
      await place?.close();
    });

    describe("rows", () => {
      it("one for each state, the newest counts, and none is lost when they come at once", async () => {
        const backend = await open();
        const id = newId();
        const steps = Array.from({ length: 30 }, (_, step) => step);
        await Promise.all(steps.map((step) => backend.store(state(id, "PROGRESS", step))));
        const found = await rows(id);
        assert.deepEqual(
          found.map(({ result }) => Number(String(result))),
          steps,
        );
        assert.equal((await backend.load(id))?.result, 29);
        await backend.store(state(id, "SUCCESS", "end"));
        await backend.store(state(id, "FAILURE", null));
        assert.equal((await rows(id)).length, 31);
        assert.equal((await backend.load(id))?.result, "end");
      });

      it("a state wins over an earlier one that was written by a clock an hour ahead", async () => {
        const backend = await open();
        const id = newId();
        const ahead = new Date(Date.now() + 3_600_000);
        await insert(id, "STARTED", ahead);
        await backend.store(state(id, "SUCCESS", "mine"));
        assert.equal((await backend.load(id))?.result, "mine");
        assert.deepEqual((await rows(id)).at(-1)?.["date_done"], new Date(ahead.getTime() + 1));
      });

      it("live as long as cassandraEntryTtl says, whatever resultExpires is", async () => {
        const id = newId();
        await (await open({}, { resultExpires: 5 })).store(state(id, "SUCCESS"));
        assert.equal((await rows(id))[0]?.["ttl"], null);
        const other = newId();
        await (await open({ cassandraEntryTtl: 1000 })).store(state(other, "SUCCESS"));
        const ttl = Number((await rows(other))[0]?.["ttl"]);
        assert.ok(ttl > 990 && ttl <= 1000, String(ttl));
      });

      it("the last state's time is when the task was done; those before have none", async () => {
        const backend = await open();
        const id = newId();
        await backend.store(state(id, "STARTED"));
        assert.equal((await backend.load(id))?.dateDone, null);
        await backend.store(state(id, "SUCCESS", 1, { dateDone: "2031-02-03T04:05:06.789123+01:00" }));
        assert.equal((await backend.load(id))?.dateDone, "2031-02-03T03:05:06.789000+00:00");
      });

      it("a broken column is an error that names it, and the next state replaces it", async () => {
        const backend = await open();
        for (const column of ["result", "traceback", "children"]) {
          const id = newId();
          await insert(id, "FAILURE", new Date(), { [column]: Buffer.from("{") });
          await fails(DecodeError, new RegExp(`the ${column} of task ${id}`), () => backend.load(id));
          const failed = await new Watching(backend.watch([id])).failed();
          assert.ok(failed instanceof DecodeError, String(failed));
          await backend.store(state(id, "SUCCESS", 1));
          await loaded(backend, id, "SUCCESS");
        }
      });

      it("what the server would not take is refused before it is sent; a byte less is stored", async () => {
        const backend = await open();
        const most = 16 * 1024 * 1024 - 512;
        // Quotes around, "null" and "[]" beside it, and the id.
        const fits = (id: string): string => "x".repeat(most - 2 - 4 - 2 - id.length);
        const id = newId();
        await fails(EncodeError, /16777216.*max_mutation_size/, () =>
          backend.store(state(id, "SUCCESS", `${fits(id)}x`)),
        );
        await backend.store(state(id, "SUCCESS", fits(id)));
        assert.equal(((await backend.load(id))?.result as string).length, fits(id).length);
        const small = await open({}, { transportOptions: { max_result_bytes: 2000 } });
        await fails(EncodeError, /at most 2000/, () => small.store(state(newId(), "SUCCESS", "x".repeat(1500))));
      });
    });

    describe("the table", () => {
      it("is made by the first writers, all at once, and by nobody who reads", async () => {
        const writers = await Promise.all([1, 2, 3, 4, 5].map(() => open({ cassandraTable: "fresh" })));
        const id = newId();
        const [reader] = writers;
        assert.equal(await reader?.load(id), null);
        const watching = reader && new Watching(reader.watch([id]));
        await sleep(100);
        await assert.rejects(rows(id, "fresh"), /fresh/);
        await Promise.all(writers.map((backend) => backend.store(state(newId(), "SUCCESS"))));
        await reader?.store(state(id, "SUCCESS", "first"));
        assert.equal((await watching?.done())?.at(-1)?.result, "first");
      });

      it("that was dropped is made again", async () => {
        const backend = await open(
          { cassandraTable: "dropped" },
          { transportOptions: { retry_policy: { max_retries: 3 } } },
        );
        const [one, two] = [newId(), newId()];
        await backend.store(state(one, "SUCCESS"));
        await administer(server.url, [`DROP TABLE ${keyspace}.dropped`]);
        assert.equal(await backend.load(one), null);
        await backend.store(state(two, "SUCCESS"));
        assert.equal((await backend.load(two))?.status, "SUCCESS");
      });

      it("whose columns are others is refused, naming them, and left alone", async () => {
        const columns = "task_id text, status text, result blob, date_done timestamp, traceback blob, children blob";
        const [key, order] = ["PRIMARY KEY ((task_id), date_done)", "WITH CLUSTERING ORDER BY (date_done DESC)"];
        const shapes: Record<string, [string, RegExp]> = {
          other: ["(id int PRIMARY KEY, result blob)", /no column task_id.*no column status/],
          types: [
            `(${columns.replace("result blob", "result text")}, ${key}) ${order}`,
            /result as text instead of blob/,
          ],
          ascending: [`(${columns}, ${key})`, /ascending/],
          keyed: [
            `(${columns}, PRIMARY KEY (task_id, date_done, status)) ${order.replace(")", ", status ASC)")}`,
            /status as clustering/,
          ],
          further: [`(shard int, ${columns}, PRIMARY KEY ((shard, task_id), date_done)) ${order}`, /key column shard/],
        };
        for (const [name, [shape, expected]] of Object.entries(shapes)) {
          await administer(server.url, [`CREATE TABLE ${keyspace}.${name} ${shape}`]);
          const backend = await open({ cassandraTable: name });
          const error = await fails(ImproperlyConfigured, expected, () => backend.store(state(newId(), "SUCCESS")));
          assert.match(error.message, new RegExp(`${keyspace}\\.${name}.*cassandraTable`));
        }
      });

      it("may have a name in quotes, and lie in another keyspace", async () => {
        const other = await driver.prepare();
        try {
          const foreign = String(other.settings?.cassandraKeyspace);
          for (const cassandraTable of ['"QuotedResults"', `${foreign}.elsewhere`]) {
            const settings = cassandraTable.startsWith('"') ? {} : { ...other.settings, cassandraKeyspace: foreign };
            const backend = await open({ ...settings, cassandraTable });
            const id = newId();
            await backend.store(state(id, "SUCCESS", 1));
            assert.equal((await backend.load(id))?.result, 1);
            await backend.forget(id);
            assert.equal(await backend.load(id), null);
          }
        } finally {
          await other.close();
        }
      });
    });

    describe("rights and settings", () => {
      const role = async (rights: readonly string[]): Promise<Partial<CeleryOptions>> => {
        const username = `role_${newId().replaceAll("-", "")}`;
        const grants = rights.map((right) => `GRANT ${right} ON TABLE ${keyspace}.results TO ${username}`);
        await administer(server.url, [
          `CREATE ROLE ${username} WITH PASSWORD = 'se/cret-key' AND LOGIN = true`,
          ...grants,
        ]);
        return { cassandraAuthKwargs: { username, password: "se/cret-key" } };
      };

      it("a writer need not have the right to make tables when there is one", async () => {
        const backend = await open(await role(["SELECT", "MODIFY"]));
        const id = newId();
        await backend.store(state(id, "SUCCESS", 1));
        assert.equal((await backend.load(id))?.result, 1);
      });

      it("missing rights are named, and trying again is no remedy", async () => {
        const reader = await open(await role(["SELECT"]));
        assert.equal(await reader.load(newId()), null);
        const error = await fails(OperationalError, /MODIFY.*on results/, () =>
          reader.store(state(newId(), "SUCCESS")),
        );
        assert.equal(error.retriable, false);
      });

      it("wrong passwords, missing logins, missing keyspaces and lost servers have their own words", async () => {
        const asked = async (settings: Partial<CeleryOptions>): Promise<() => Promise<unknown>> => {
          const backend = await open(settings, { transportOptions: { retry_policy: { max_retries: 0 } } });
          return () => backend.store(state(newId(), "SUCCESS"));
        };
        const cases: [
          Partial<CeleryOptions>,
          typeof OperationalError | typeof ImproperlyConfigured,
          RegExp,
          boolean,
        ][] = [
          [
            { cassandraAuthKwargs: { username: "nobody", password: "se/cret-key" } },
            OperationalError,
            /AuthKwargs/,
            false,
          ],
          [{ cassandraAuthProvider: null }, OperationalError, /cassandraAuthProvider/, false],
          [{ cassandraKeyspace: "Nowhere" }, ImproperlyConfigured, /"Nowhere".*CREATE KEYSPACE "Nowhere"/, false],
          [
            { cassandraServers: ["127.0.0.1"], cassandraPort: 1 },
            OperationalError,
            /127\.0\.0\.1:1\/.*ECONNREFUSED/,
            true,
          ],
          [{ cassandraServers: ["nowhere.invalid"] }, OperationalError, /nowhere\.invalid/, true],
          [{ cassandraOptions: { localDataCenter: "moon" } }, OperationalError, /moon.*datacenter1/, false],
        ];
        for (const [settings, kind, expected, retriable] of cases) {
          const error = await fails(kind, expected, await asked(settings));
          assert.equal(error.retriable, retriable, error.message);
        }
        const bundle = { cassandraServers: null, cassandraSecureBundlePath: "/nowhere/bundle.zip" };
        await fails(ImproperlyConfigured, /\/nowhere\/bundle\.zip/, await asked(bundle));
      });

      it("consistency counts: one server cannot answer for three", async () => {
        const once = { transportOptions: { retry_policy: { max_retries: 0 } } };
        const reader = await open({ cassandraReadConsistency: "THREE" }, once);
        const read = await fails(OperationalError, /consistency THREE/, () => reader.load(newId()));
        assert.equal(read.retriable, true);
        const writer = await open({ cassandraWriteConsistency: "THREE" }, once);
        await fails(OperationalError, /consistency THREE/, () => writer.store(state(newId(), "SUCCESS")));
        assert.equal(await writer.load(newId()), null);
      });

      it("everything may stand in the URL", async () => {
        const { username, password } = place.settings?.cassandraAuthKwargs as { username: string; password: string };
        const { hostname, port } = new URL(server.url);
        const url = `cassandra://${username}:${encodeURIComponent(password)}@${hostname}:${port}/${keyspace}?table=results`;
        const backend = await openBackend(url, backendOptions({ ...place, settings: {} }));
        opened.push(backend);
        const id = newId();
        await backend.store(state(id, "SUCCESS", "by URL"));
        assert.equal((await (await open()).load(id))?.result, "by URL");
        assert.equal(backend.displayUrl, `cassandra://${hostname}:${port}/${keyspace}`);
      });

      it("the client library can be handed in", async () => {
        const lib = await import("cassandra-driver");
        for (const given of [lib, lib.default]) {
          const backend = await open({}, { lib: given });
          assert.equal(await backend.load(newId()), null);
        }
      });
    });

    describe("connections", () => {
      it("a thousand awaited results are asked for in few statements, ever less often", async () => {
        let requests = 0;
        // A class, though it is declared as an interface.
        const { RequestTracker } = tracker as unknown as { RequestTracker: new () => object };
        class Counter extends RequestTracker {
          onSuccess(): void {
            requests++;
          }
        }
        const backend = await open({ cassandraOptions: { requestTracker: new Counter() } });
        const ids = Array.from({ length: 1000 }, newId);
        const watching = new Watching(backend.watch(ids));
        await sleep(3000);
        const asked = requests;
        assert.ok(asked > 50 && asked <= 15 * 50, `${asked} statements in three seconds`);
        await backend.close();
        await watching.failed();
      });

      for (const way of ["cut", "freeze"] as const)
        it(`are made anew after ${way === "cut" ? "they were cut" : "they went silent"}, and nothing is left of them`, async () => {
          const before = await resources();
          const { hostname, port } = new URL(server.url);
          const proxy = await Proxy.start({ host: hostname, port: Number(port) });
          const socketOptions = { readTimeout: 1000, connectTimeout: 1000 };
          const backend = await open({
            cassandraServers: ["127.0.0.1"],
            cassandraPort: proxy.port,
            cassandraOptions: { socketOptions, pooling: { heartBeatInterval: 500 } },
          });
          const id = newId();
          const watching = new Watching(backend.watch([id]));
          await backend.store(state(id, "STARTED"));
          await watching.has("STARTED");
          proxy[way]();
          if (way === "cut") {
            const error = await backend.load(id).then(
              () => assert.fail("it was cut"),
              (reason: unknown) => reason,
            );
            assert.ok(error instanceof OperationalError && error.retriable, String(error));
            proxy.mend();
          }
          await until("a result to be stored", () =>
            backend.store(state(id, "SUCCESS", way)).then(
              () => true,
              () => false,
            ),
          );
          assert.equal((await watching.done()).at(-1)?.result, way);
          await Promise.all(opened.splice(0).map((one) => one.close()));
          await proxy.close();
          await expectReleased(before);
        });

      it("closing while connecting, and before, leaves nothing behind", async () => {
        const before = await resources();
        await (await open()).close();
        const backend = await open();
        const loading = backend.load(newId());
        loading.catch(() => undefined);
        await backend.close();
        await assert.rejects(loading, (error) => error instanceof OperationalError && !error.retriable);
        await expectReleased(before);
      });
    });
  });
