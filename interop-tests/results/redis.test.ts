import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import type { Backend, BackendOptions } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import { ImproperlyConfigured, OperationalError } from "../../src/errors.js";
import { drain, loaded, state, Watching } from "../../src/testing/backend/scene.js";
import { until } from "../../src/testing/harness.js";
import { newId } from "../../src/util/id.js";
import { monotonic } from "../../src/util/time.js";
import { backendOptions, backends } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import type { Server } from "../servers/index.js";
import { needShared } from "../servers/shared.js";
import { Proxy } from "./proxy.js";

/** What is special about results in Redis, seen from the server's side. */
const driver = backends.find(({ name }) => name === "redis");

if (driver)
  describe("results in Redis", () => {
    let server: Server;
    let place: Place;
    let redis: Redis;
    const opened: Backend[] = [];

    const open = async (url = place.url, changes: Partial<BackendOptions> = {}): Promise<Backend> => {
      const backend = await openBackend(url, backendOptions(place, changes));
      opened.push(backend);
      return backend;
    };
    const through = (proxy: Proxy, query = ""): string => {
      const url = new URL(place.url);
      url.port = String(proxy.port);
      return `${url.href}${query}`;
    };
    const proxies: Proxy[] = [];
    const startProxy = async (): Promise<Proxy> => {
      const { hostname, port } = new URL(place.url);
      const proxy = await Proxy.start({ host: hostname, port: Number(port) });
      proxies.push(proxy);
      return proxy;
    };

    before(async function () {
      server = await needShared(this, "redis");
      place = await driver.prepare();
      redis = new Redis(place.url, { protocol: 2 });
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((backend) => backend.close()));
      await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    });
    after(async () => {
      redis?.disconnect();
      await place?.close();
    });

    /** The commands that the server gets while `run` does something. */
    const monitored = async (run: () => Promise<void>): Promise<string[][]> => {
      const monitor = await redis.monitor();
      const commands: string[][] = [];
      monitor.on("monitor", (_time: string, command: string[]) => commands.push(command));
      await run();
      const mark = newId();
      await redis.echo(mark);
      await until("the mark", () => commands.some((command) => command.includes(mark)));
      monitor.disconnect();
      return commands.filter(([name]) => !/^(echo|info|select|auth|hello|client|ping)$/i.test(name ?? ""));
    };

    const names = (commands: readonly string[][]): unknown[] => commands.map(([name]) => name?.toLowerCase());

    it("the first state is one script: GET, then SETEX and PUBLISH of the same document", async () => {
      const backend = await open();
      const id = newId();
      const commands = await monitored(() => backend.store(state(id, "SUCCESS", 1)));
      const key = `celery-task-meta-${id}`;
      assert.deepEqual(names(commands), ["eval", "get", "setex", "publish"]);
      const [, , setex = [], publish = []] = commands;
      assert.deepEqual(setex.slice(1, 3), [key, "86400"]);
      assert.deepEqual(publish.slice(1), [key, setex[3]]);
      assert.equal(await redis.ttl(key), 86_400);
    });

    it("a later state is read first, then SETEX and PUBLISH of the same document in one MULTI", async () => {
      const backend = await open();
      const id = newId();
      await backend.store(state(id, "STARTED"));
      const commands = await monitored(() => backend.store(state(id, "SUCCESS", 1)));
      assert.deepEqual(names(commands), ["eval", "get", "multi", "setex", "publish", "exec"]);
      const late = await monitored(() => backend.store(state(id, "FAILURE", null)));
      assert.deepEqual(names(late), ["eval", "get"], "SUCCESS stays");
    });

    it("a user without the right to run scripts stores results all the same", async () => {
      const user = `celeriac-${randomBytes(4).toString("hex")}`;
      const password = randomBytes(8).toString("hex");
      await redis.acl("SETUSER", user, "on", `>${password}`, "~celery-*", "&celery-*", "+@all", "-@scripting");
      try {
        const url = new URL(place.url);
        url.username = user;
        url.password = password;
        const backend = await open(url.href);
        const id = newId();
        const commands = await monitored(() => backend.store(state(id, "SUCCESS", 1)));
        assert.deepEqual(names(commands), ["get", "multi", "setex", "publish", "exec"]);
        assert.equal((await backend.load(id))?.status, "SUCCESS");
      } finally {
        await redis.acl("DELUSER", user);
      }
    });

    it("without an expiry it is a SET", async () => {
      const backend = await open(place.url, { resultExpires: null });
      const id = newId();
      const commands = await monitored(() => backend.store(state(id, "SUCCESS", 1)));
      assert.equal(names(commands)[2], "set");
      assert.equal(await redis.ttl(`celery-task-meta-${id}`), -1);
      await backend.forget(id);
    });

    it("only the awaited channels are subscribed, never a pattern, and none is left over", async () => {
      const backend = await open();
      const ids = Array.from({ length: 20 }, newId);
      const watching = new Watching(backend.watch(ids));
      const channels = async (): Promise<string[]> =>
        ((await redis.pubsub("CHANNELS")) as string[]).filter((name) => ids.some((id) => name.endsWith(id)));
      await until("20 channels", async () => (await channels()).length === 20);
      assert.equal(await redis.pubsub("NUMPAT"), 0);
      await Promise.all(ids.map((id) => backend.store(state(id, "SUCCESS"))));
      await watching.done();
      await until("no channel", async () => (await channels()).length === 0);
    });

    it("10,000 results are awaited over two connections, and an abort leaves nothing behind", async () => {
      const name = `celeriac-${randomBytes(4).toString("hex")}`;
      const backend = await open(`${place.url}?client_name=${name}`);
      const control = new AbortController();
      const ids = Array.from({ length: 10_000 }, newId);
      const all = ids.map((id) => new Watching(backend.watch([id], { signal: control.signal })));
      const channels = async (): Promise<number> =>
        ((await redis.pubsub("CHANNELS", "celery-task-meta-*")) as string[]).length;
      await until("10,000 channels", async () => (await channels()) >= 10_000);
      await Promise.all(ids.slice(0, 5000).map((id) => backend.store(state(id, "SUCCESS", id))));
      await Promise.all(all.slice(0, 5000).map((one) => one.done()));
      const clients = (await redis.client("LIST")) as string;
      assert.equal(clients.split("\n").filter((line) => line.includes(`name=${name}`)).length, 2);
      control.abort();
      await Promise.all(all.slice(5000).map((one) => one.failed()));
      await until("no channel", async () => (await channels()) === 0);
    });

    it("a result whose announcement was lost is found all the same", async function () {
      this.timeout(30_000);
      const backend = await open();
      const id = newId();
      const watching = new Watching(backend.watch([id]));
      await backend.store(state(id, "STARTED"));
      await watching.has("STARTED");
      const document = await redis.get(`celery-task-meta-${id}`);
      await redis.set(`celery-task-meta-${id}`, String(document).replace("STARTED", "SUCCESS"));
      await watching.done();
    });

    it("a result that came while the subscription was gone is seen on coming back", async () => {
      const proxy = await startProxy();
      const backend = await open(through(proxy));
      const writer = await open();
      const id = newId();
      const watching = new Watching(backend.watch([id]));
      await writer.store(state(id, "STARTED"));
      await watching.has("STARTED");
      proxy.cut();
      await writer.store(state(id, "SUCCESS", "meanwhile"));
      proxy.mend();
      const start = monotonic();
      assert.equal((await watching.done()).at(-1)?.result, "meanwhile");
      assert.ok(monotonic() - start < 2500, "it was left to the slow look");
      await backend.close();
    });

    it("a server that does not come back ends the waiting by the retry policy", async () => {
      const proxy = await startProxy();
      const policy = { max_retries: 3, interval_start: 0, interval_step: 0.05, interval_max: 0.1 };
      const backend = await open(through(proxy), { transportOptions: { retry_policy: policy } });
      const id = newId();
      const watching = new Watching(backend.watch([id]));
      await backend.store(state(id, "STARTED"));
      await watching.has("STARTED");
      proxy.cut();
      const error = await watching.failed();
      assert.ok(error instanceof OperationalError && error.retriable, String(error));
    });

    it("a connection that died without a word is noticed", async () => {
      const proxy = await startProxy();
      const backend = await open(through(proxy, "?health_check_interval=0.2"));
      const writer = await open();
      const id = newId();
      const watching = new Watching(backend.watch([id]));
      await writer.store(state(id, "STARTED"));
      await watching.has("STARTED");
      // More than once: what replaced the dead connection is watched in its turn.
      for (const status of ["PROGRESS", "SUCCESS"]) {
        proxy.freeze();
        const start = monotonic();
        await writer.store(state(id, status));
        await watching.has(status);
        assert.ok(monotonic() - start < 2500, "it was left to the slow look");
      }
      await backend.close();
    });

    it("a server that is not there fails at once, with the password masked", async () => {
      const backend = await open("redis://:s3cret@127.0.0.1:1/0", {
        transportOptions: { retry_policy: { max_retries: 0 } },
      });
      const start = monotonic();
      const calls = [
        () => backend.load("x"),
        () => drain(backend.watch(["x"])),
        () => backend.store(state("x", "SUCCESS")),
        () => backend.forget("x"),
      ];
      for (const call of calls)
        await assert.rejects(call, (error) => {
          assert.ok(error instanceof OperationalError && error.retriable, String(error));
          assert.match(error.message, /redis:\/\/:\*\*@127\.0\.0\.1:1/);
          assert.ok(!error.message.includes("s3cret"));
          return true;
        });
      assert.ok(monotonic() - start < 2000);
    });

    it("user names and passwords are used; wrong ones are an error that says so", async () => {
      const password = "p@ss:w/rd";
      const user = `u${randomBytes(4).toString("hex")}`;
      await redis.acl("SETUSER", user, "on", `>${password}`, "~celery-*", "&celery-*", "+@all");
      const at = (login: string): string => place.url.replace("//", `//${login}@`);
      const id = newId();
      try {
        const backend = await open(at(`${user}:${encodeURIComponent(password)}`));
        const watching = new Watching(backend.watch([id]));
        await backend.store(state(id, "SUCCESS", 1));
        await watching.done();
        await assert.rejects(
          (await open(at(`${user}:wrong`))).load(id),
          (error) => error instanceof OperationalError && !error.retriable && /WRONGPASS/.test(error.message),
        );
      } finally {
        await redis.acl("DELUSER", user);
      }
    });

    it("a Unix socket and a database by number", async function () {
      if (!server.socket) return this.skip();
      const { pathname } = new URL(place.url);
      const backend = await open(`redis+socket://${server.socket}?virtual_host=${pathname.slice(1)}`);
      const id = newId();
      await backend.store(state(id, "SUCCESS", 1));
      await loaded(await open(), id, "SUCCESS");
      await assert.rejects((await open(place.url.replace(/\/\d+$/, "/999"))).load(id), OperationalError);
    });

    it("URLs and options that cannot be used are refused with the remedy", async () => {
      const wrong: readonly [string, RegExp, Partial<BackendOptions>?][] = [
        ["redis://localhost/abc", /database .* expected a number/],
        ["rediss://localhost", /ssl_cert_reqs=required/],
        ["rediss://localhost?ssl_cert_reqs=maybe", /expected required/],
        ["rediss://localhost?ssl_cert_reqs=none&ssl_cipher=x", /"ssl_cipher"; did you mean ssl_ciphers/],
        ["redis://localhost?ssl_cert_reqs=none", /use rediss/],
        ["redis://localhost?sockettimeout=1", /unknown parameter "sockettimeout"/],
        ["redis://localhost?socket_timeout=soon", /expected seconds/],
        ["redis://localhost:99999", /port/],
        ["redis://localhost", /max_retries/, { transportOptions: { retry_policy: { max_retries: "many" } } }],
        [
          "redis://localhost",
          /retry_policy has no maxRetries/,
          { transportOptions: { retry_policy: { maxRetries: 1 } } },
        ],
      ];
      for (const [url, text, changes] of wrong)
        await assert.rejects(open(url, changes), (error) => {
          assert.ok(error instanceof ImproperlyConfigured, `${url}: ${String(error)}`);
          assert.match(error.message, text);
          return true;
        });
    });
  });
