import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { openBackend } from "../../../src/backends/registry.js";
import type { Backend, BackendOptions } from "../../../src/backends/backend.js";
import { CeleryError, NotSupported, OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { state } from "../../../src/testing/backend/scene.js";
import { until } from "../../../src/testing/harness.js";
import { backendOptions, uniqueName } from "../../drivers/index.js";
import { commonPlace } from "../../drivers/place.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { startOwnServer } from "./own-server.js";
import type { OwnServer } from "./own-server.js";
import { RedisStage } from "./stage.js";

/** Servers that say no: what callers are told, whether trying again makes sense, and that nothing is lost. */
describe("redis broker and results: refusals", function () {
  this.timeout(30_000);
  let stage: RedisStage;
  const servers: OwnServer[] = [];
  const backends: Backend[] = [];

  before(async function () {
    stage = new RedisStage(await need(this, () => startServer("redis")));
  });
  afterEach(async () => {
    await Promise.all(backends.splice(0).map((backend) => backend.close()));
    await stage.reset();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });
  after(async () => {
    await stage?.end();
    await stage?.server.stop();
  });

  const own = async (...settings: string[]): Promise<OwnServer> => {
    const server = await startOwnServer(...settings);
    servers.push(server);
    return server;
  };
  const results = async (url = stage.url, changes: Partial<BackendOptions> = {}): Promise<Backend> => {
    const transportOptions = { retry_policy: { max_retries: 0 } };
    const backend = await openBackend(url, backendOptions(commonPlace(url, null), { transportOptions, ...changes }));
    backends.push(backend);
    return backend;
  };
  const refused =
    (what: RegExp, retriable: boolean) =>
    (error: unknown): true => {
      assert.ok(error instanceof CeleryError, String(error));
      assert.match(error.message, what);
      assert.equal(error.retriable, retriable, error.message);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    };

  /** Until it is done: the server ends the connection of whoever broke its rules, and that takes a moment. */
  const again = (attempt: () => Promise<void>): Promise<void> =>
    until("another connection", () =>
      attempt().then(
        () => true,
        (error: unknown) => {
          assert.ok(error instanceof OperationalError && error.retriable, String(error));
          return false;
        },
      ),
    );

  it("a full server: publishing and results are refused for now, consuming goes on, nothing is lost", async () => {
    const name = uniqueName("full");
    const broker = stage.open({ visibility_timeout: 3600, extend_visibility: 0.1 });
    for (const text of ["a", "b", "c"])
      await broker.publish(textMessage(text), toQueue(name), { declare: [queue(name)] });
    const reader = await new Reader(broker.consume([queue(name)], { prefetch: 1 })).has(1);
    const backend = await results();
    await stage.raw.config("SET", "maxmemory", "1");
    try {
      await assert.rejects(broker.publish(textMessage("d"), toQueue(name)), refused(/OOM.*maxmemory is reached/, true));
      await assert.rejects(backend.store(state("x", "SUCCESS", 1)), refused(/OOM.*maxmemory is reached/, true));
      const [tag = ""] = Object.keys(await stage.unacked());
      const before = Number(await stage.raw.zscore("unacked_index", tag));
      await until("a renewal", async () => Number(await stage.raw.zscore("unacked_index", tag)) > before);
      // Taking, acknowledging and giving back need no more memory than they free.
      await reader.deliveries[0]?.ack();
      await reader.has(2);
      await reader.deliveries[1]?.reject({ requeue: true });
      await reader.has(3);
      assert.deepEqual(reader.texts, ["a", "b", "c"]);
    } finally {
      await stage.raw.config("SET", "maxmemory", "0");
    }
    await broker.publish(textMessage("d"), toQueue(name));
    await reader.consumer.close();
    assert.equal(await broker.size(name), 3, "b, c and d");
    assert.deepEqual(await stage.unacked(), {});
    await backend.store(state("x", "SUCCESS", 1));
  });

  it("a replica: the next address is tried, or the call may be made again", async () => {
    await stage.raw.config("SET", "repl-diskless-sync-delay", "0");
    const { port } = await own("--replicaof", "127.0.0.1", new URL(stage.server.url).port);
    const replica = `redis://127.0.0.1:${port}/0`;
    const raw = new Redis(replica);
    await until("the replica", async () => (await raw.info("replication")).includes("master_link_status:up"));
    raw.disconnect();
    const name = uniqueName("replica");
    await assert.rejects(
      stage.open({}, {}, replica).publish(textMessage("x"), toQueue(name)),
      refused(/READONLY/, true),
    );
    await assert.rejects((await results(replica)).store(state("x", "SUCCESS", 1)), refused(/READONLY/, true));
    const broker = stage.open({}, {}, `${replica};${stage.url}`);
    await assert.rejects(broker.publish(textMessage("x"), toQueue(name)), refused(/READONLY/, true));
    await broker.publish(textMessage("x"), toQueue(name));
    const reader = new Reader(stage.open({}, {}, `${replica};${stage.url}`).consume([queue(name)]));
    await reader.has(1);
  });

  it("a node of a cluster is refused in one sentence", async () => {
    const { port } = await own("--cluster-enabled", "yes");
    for (const db of [0, 1]) {
      const url = `redis://:s3cret@127.0.0.1:${port}/${db}`.replace(":s3cret@", "");
      const told = (error: unknown): true => {
        assert.ok(error instanceof NotSupported, String(error));
        return refused(/Redis Cluster, which is not supported, as in kombu/, false)(error);
      };
      await assert.rejects(stage.open({}, {}, url).connect(), told);
      await assert.rejects((await results(url)).load("x"), told);
    }
  });

  it("a message that is larger than the server takes", async () => {
    /** It answers and hangs up; what is still being written then can bring the reset before the answer is read. */
    const tooLarge = (attempt: () => Promise<void>): Promise<void> =>
      until("the server's reason", async () => {
        const error = await attempt().then(
          () => assert.fail("it was taken"),
          (reason: unknown) => reason,
        );
        if (error instanceof OperationalError && error.retriable && /ECONNRESET|EPIPE/.test(error.message))
          return false;
        return refused(/invalid bulk length.*proto-max-bulk-len/, false)(error);
      });
    await stage.raw.config("SET", "proto-max-bulk-len", String(1 << 20));
    try {
      const broker = stage.open();
      const name = uniqueName("large");
      await tooLarge(() => broker.publish(textMessage("x".repeat(2 << 20)), toQueue(name)));
      await again(() => broker.publish(textMessage("small"), toQueue(name)));
      const backend = await results();
      await tooLarge(() => backend.store(state("x", "SUCCESS", "x".repeat(2 << 20))));
      await again(() => backend.store(state("x", "SUCCESS", "small")));
    } finally {
      await stage.raw.config("SET", "proto-max-bulk-len", String(512 << 20));
    }
  });

  it("users without a right are told which ones they need", async () => {
    const rights = ["~*", "&*", "+@all"];
    const users = { noscripts: ["-@scripting"], nolists: ["-@list"], nochannels: ["resetchannels"] };
    const port = new URL(stage.server.url).port;
    const at = (user: string): string => `redis://${user}:s3cret@127.0.0.1:${port}/0`;
    for (const [user, less] of Object.entries(users))
      await stage.raw.call("ACL", "SETUSER", user, "reset", "on", ">s3cret", ...rights, ...less);
    const name = uniqueName("rights");
    const lists = stage.open({}, {}, at("nolists"));
    await assert.rejects(lists.publish(textMessage("x"), toQueue(name)), refused(/NOPERM.*docs\/brokers\.md/, false));
    const reader = new Reader(stage.open({}, {}, at("noscripts")).consume([queue(name)]));
    await until("the consumer to fail", () => reader.error !== undefined);
    refused(/NOPERM.*docs\/brokers\.md/, false)(reader.error);
    const watcher = (await results(at("nochannels"))).watch(["x"])[Symbol.asyncIterator]();
    await assert.rejects(watcher.next(), refused(/NOPERM.*results need/, false));
  });

  it("no password, or a wrong one, or none wanted", async () => {
    const { port } = await own("--requirepass", "s3cret");
    for (const login of ["", ":wrong@", "nobody:s3cret@"]) {
      const url = `redis://${login}127.0.0.1:${port}/0`;
      const told = refused(/(NOAUTH|WRONGPASS).*check user and password/, false);
      await assert.rejects(stage.open({}, {}, url).connect(), told);
      await assert.rejects((await results(url)).load("x"), told);
    }
    await stage.open({}, {}, `redis://default:s3cret@127.0.0.1:${port}/0`).connect();
    const unwanted = stage.url.replace("//", "//:s3cret@");
    await assert.rejects(stage.open({}, {}, unwanted).connect(), refused(/AUTH.*check user and password/, false));
  });

  it("a database that there is not", async () => {
    const url = `${stage.server.url}/999`;
    const told = refused(/DB index is out of range.*check the database number/, false);
    await assert.rejects(stage.open({}, {}, url).connect(), told);
    await assert.rejects((await results(url)).store(state("x", "SUCCESS")), told);
  });

  it("a server that accepts connections and says nothing", async () => {
    const { createServer } = await import("node:net");
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    try {
      const url = `redis://127.0.0.1:${port}/0`;
      await assert.rejects(
        stage.open({ socket_connect_timeout: 0.2 }, {}, url).connect(),
        (error) => error instanceof OperationalError && error.retriable && /no answer within 0.2 s/.test(error.message),
      );
    } finally {
      silent.close();
    }
  });
});
