import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { openBackend } from "../../../src/backends/registry.js";
import { OperationalError } from "../../../src/errors.js";
import { encodeEnvelope } from "../../../src/protocol/envelope.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { state, Watching } from "../../../src/testing/backend/scene.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { until, within } from "../../../src/testing/harness.js";
import { monotonic } from "../../../src/util/time.js";
import { backendOptions, uniqueName } from "../../drivers/index.js";
import { commonPlace } from "../../drivers/place.js";
import { Proxy } from "../../results/proxy.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { RedisStage } from "./stage.js";

/** Options about connections and about restoring, at a real server. */
describe("redis broker and results: connecting", function () {
  this.timeout(30_000);
  let stage: RedisStage;

  before(async function () {
    stage = new RedisStage(await need(this, () => startServer("redis")));
  });
  afterEach(() => stage.reset());
  after(async () => {
    await stage?.end();
    await stage?.server.stop();
  });

  it("a credential provider is asked for each connection, so that tokens may change", async () => {
    const user = `u${randomBytes(4).toString("hex")}`;
    let token = "";
    let asked = 0;
    const change = async (): Promise<void> => {
      token = randomBytes(8).toString("hex");
      await stage.raw.call("ACL", "SETUSER", user, "reset", "on", `>${token}`, "~*", "&*", "+@all");
    };
    const provider = async (): Promise<{ username: string; password: string }> => {
      asked++;
      return Promise.resolve({ username: user, password: token });
    };
    await change();
    // What stands in the URL does not count.
    const url = stage.url.replace("//", "//somebody:wrong@");
    const broker = stage.open({ credential_provider: provider }, {}, url);
    const name = uniqueName("token");
    const reader = new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack());
    await broker.publish(textMessage("first"), toQueue(name));
    await reader.has(1);
    const settings = { redisBackendCredentialProvider: provider };
    const backend = await openBackend(url, backendOptions(commonPlace(url, null), { settings }));
    try {
      const watching = new Watching(backend.watch(["id"]));
      await backend.store(state("id", "STARTED"));
      await watching.has("STARTED");
      assert.equal(asked, 5, "two to consume, one to publish, two for results");
      await change();
      await stage.raw.call("CLIENT", "KILL", "USER", user);
      await backend.store(state("id", "SUCCESS", 1));
      await watching.done();
    } finally {
      await backend.close();
    }
    await until("the message", async () => {
      await broker.publish(textMessage("second"), toQueue(name)).catch(() => undefined);
      return reader.texts.includes("second");
    });
    const failing = stage.open({
      credential_provider: () => {
        throw new Error("no token today");
      },
    });
    await assert.rejects(
      failing.connect(),
      (error) => error instanceof OperationalError && /no token today/.test(error.message),
    );
    const silent = stage.open({
      ...{ credential_provider: () => new Promise(() => undefined), socket_connect_timeout: 0.2 },
    });
    await assert.rejects(
      silent.connect(),
      (error) => error instanceof OperationalError && /no answer within 0.2 s/.test(error.message),
    );
  });

  it("socket_timeout: who waits for an answer from a silent server hears of it", async () => {
    const proxy = await Proxy.start({ host: "127.0.0.1", port: Number(new URL(stage.server.url).port) });
    try {
      const url = `redis://127.0.0.1:${proxy.port}/0`;
      const broker = stage.open({ socket_timeout: 0.3, health_check_interval: 0 }, {}, url);
      const options = {
        transportOptions: { socket_timeout: 0.3, health_check_interval: 0, retry_policy: { max_retries: 0 } },
      };
      const backend = await openBackend(url, backendOptions(commonPlace(url, null), options));
      await broker.connect();
      await backend.load("x");
      proxy.freeze();
      const start = monotonic();
      await assert.rejects(
        within("the publish", broker.publish(textMessage("x"), toQueue("x")), 5000),
        (error) => error instanceof OperationalError && error.retriable && /[Tt]imeout/.test(error.message),
      );
      await assert.rejects(within("the result", backend.store(state("x", "SUCCESS")), 5000), OperationalError);
      assert.ok(monotonic() - start < 3000);
      // New connections work.
      await broker.publish(textMessage("x"), toQueue("x"));
      await backend.close();
    } finally {
      await proxy.close();
    }
  });

  it("client_name names all connections; max_connections and retry_on_timeout change nothing", async () => {
    const name = uniqueName("client");
    const broker = stage.open({ client_name: name, max_connections: 1, retry_on_timeout: true });
    const reader = new Reader(broker.consume([queue(name)]));
    await broker.publish(textMessage("x"), toQueue(name));
    await reader.has(1);
    const clients = String(await stage.raw.client("LIST")).split("\n");
    assert.equal(clients.filter((line) => line.includes(`name=${name} `)).length, 3);
  });

  it("databases are apart", async () => {
    const name = uniqueName("db");
    const [one, two] = [1, 2].map((db) => stage.open({}, {}, `${stage.server.url}/${db}`));
    await one?.publish(textMessage("x"), toQueue(name));
    assert.equal(await one?.size(name), 1);
    assert.equal(await two?.size(name), 0);
    await one?.purge(name);
  });

  it("unacked_restore_limit and the cadence: so many at a time, newest first, every so often", async () => {
    const name = uniqueName("limit");
    for (const [age, tag] of ["oldest", "middle", "newest"].entries()) {
      const text = encodeEnvelope(textMessage(tag), { exchange: "", routingKey: name }, { deliveryTag: tag });
      await stage.raw.hset("unacked", tag, `[${text}, "", "${name}"]`);
      await stage.raw.zadd("unacked_index", age + 1, tag);
    }
    const hasty = { unacked_restore_limit: 1, unacked_restore_interval: 0.2, unacked_restore_throttle: 3 };
    const start = monotonic();
    const consumer = stage.open(hasty).consume([queue(`${name}.other`)]);
    const restored = async (): Promise<number> => stage.raw.llen(name);
    await until("the first scan", async () => (await restored()) === 1);
    assert.ok(monotonic() - start < 500, "it comes with the consumer");
    assert.match((await stage.raw.lindex(name, 0)) ?? "", /"newest"/);
    await until("the second scan", async () => (await restored()) === 2);
    const second = monotonic() - start;
    assert.ok(second > 550, `interval times throttle, not ${second} ms`);
    await until("the third scan", async () => (await restored()) === 3);
    assert.match((await stage.raw.lindex(name, -1)) ?? "", /"oldest"/, "next to be taken");
    await consumer.close();
  });
});
