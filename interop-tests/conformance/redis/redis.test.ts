import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { OperationalError } from "../../../src/errors.js";
import { encodeEnvelope } from "../../../src/protocol/envelope.js";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage, textOf } from "../../../src/testing/broker/scene.js";
import { until, within } from "../../../src/testing/harness.js";
import { uniqueName } from "../../drivers/index.js";
import { Proxy } from "../../results/proxy.js";
import { startChild } from "../../servers/children.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { RedisStage } from "./stage.js";

/** What only Redis has: records of what is unacknowledged, who restores them, how an idle consumer is woken. */
describe("redis broker: special", function () {
  this.timeout(30_000);
  let stage: RedisStage;

  before(async function () {
    stage = new RedisStage(await need(this, () => startServer("redis")));
  });
  const proxies: Proxy[] = [];
  const startProxy = async (): Promise<Proxy> => {
    const proxy = await Proxy.start({ host: "127.0.0.1", port: Number(new URL(stage.server.url).port) });
    proxies.push(proxy);
    return proxy;
  };

  afterEach(async () => {
    await stage.reset();
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  after(async () => {
    await stage?.end();
    await stage?.server.stop();
  });

  const envelope = (text: string, tag: string, to = { exchange: "", routingKey: "x" }): string =>
    encodeEnvelope(textMessage(text), to, { deliveryTag: tag });

  describe("records", () => {
    it("are written with the taking, as kombu writes them, and name the queue itself", async () => {
      const name = uniqueName("records");
      const broker = stage.open();
      const topic = exchange(`${name}.topic`, { type: "topic" });
      const ours = queue(name, { exchange: topic, routingKey: "#" });
      await broker.publish(textMessage("x"), { exchange: topic, routingKey: "a.b" }, { declare: [ours] });
      const sent = (await stage.raw.lindex(name, 0)) ?? "";
      const before = Date.now() / 1000;
      const reader = await new Reader(broker.consume([ours])).has(1);
      const records = Object.entries(await stage.unacked());
      assert.equal(records.length, 1);
      const [tag, value] = records[0] as [string, string];
      assert.equal(tag, reader.deliveries[0]?.tag);
      assert.equal(value, `[${sent}, "", ${JSON.stringify(name)}]`);
      const score = Number(await stage.raw.zscore("unacked_index", tag));
      assert.ok(score >= before - 0.01 && score <= Date.now() / 1000 + 0.01, `${score}`);
      assert.deepEqual(
        { ...reader.deliveries[0]?.info },
        { exchange: topic.name, routingKey: "a.b", priority: 0, redelivered: false },
      );
      await reader.deliveries[0]?.ack();
      await until("no records", async () => (await stage.raw.exists("unacked", "unacked_index")) === 0);
    });

    it("keep copies with the same delivery tag apart", async () => {
      const [a, b] = [uniqueName("a"), uniqueName("b")];
      await stage.raw.lpush(a, envelope("in a", "same"));
      await stage.raw.lpush(b, envelope("in b", "same"), envelope("in b too", "same"));
      const reader = await new Reader(stage.open().consume([queue(a), queue(b)])).hasOnly(3);
      assert.equal(Object.keys(await stage.unacked()).length, 3);
      await reader.deliveries[0]?.ack();
      await until("two records", async () => Object.keys(await stage.unacked()).length === 2);
      await reader.consumer.close();
      assert.equal((await stage.raw.llen(a)) + (await stage.raw.llen(b)), 2);
    });

    it("are not written without acknowledgements, or with ack_emulation off", async () => {
      const name = uniqueName("none");
      for (const [broker, noAck] of [
        [stage.open(), true],
        [stage.open({ ack_emulation: false }), false],
      ] as const) {
        await stage.raw.lpush(name, envelope("x", "tag"));
        const reader = await new Reader(broker.consume([queue(name)], { noAck })).has(1);
        assert.deepEqual(await stage.unacked(), {});
        await reader.deliveries[0]?.ack();
        await reader.consumer.close();
      }
    });

    it("also hold what Redis's own JSON reader refuses", async () => {
      const name = uniqueName("surrogate");
      const text = envelope("odd", "tag").replace('"headers": {}', '"headers": {"lone": "\\ud800"}');
      assert.ok(text.includes("lone"));
      await stage.raw.lpush(name, text);
      const reader = await new Reader(stage.open().consume([queue(name)])).has(1);
      assert.equal(textOf(await reader.nth(0)), "odd");
      assert.equal(Object.keys(await stage.unacked()).length, 1);
      await reader.consumer.close();
      assert.equal(await stage.raw.llen(name), 1);
      assert.deepEqual(await stage.unacked(), {});
    });
  });

  describe("restoring", () => {
    const visible = { visibility_timeout: 0.2, unacked_restore_interval: 0.1, unacked_restore_throttle: 1 };

    it("gives a message of a killed process to another consumer", async function () {
      const name = uniqueName("killed");
      const broker = stage.open();
      for (const text of ["first", "second"])
        await broker.publish(textMessage(text), toQueue(name), { declare: [queue(name)] });
      const program = fileURLToPath(new URL("dying-consumer.ts", import.meta.url));
      const child = startChild(process.execPath, ["--import=tsx", program, stage.url, name]);
      await child.until(/took/, 20);
      await child.kill();
      assert.equal(Object.keys(await stage.unacked()).length, 1);
      const reader = new Reader(stage.open(visible).consume([queue(name)]), (delivery) => delivery.ack());
      await reader.hasOnly(2);
      const restored = reader.deliveries.find((one) => textOf(one) === "first");
      assert.equal(restored?.info.redelivered, true);
      await until("no records", async () => (await stage.raw.exists("unacked", "unacked_index")) === 0);
    });

    it("brings back the oldest first, to the list of its priority", async () => {
      const name = uniqueName("order");
      const broker = stage.open();
      for (let n = 0; n < 250; n++) await broker.publish(textMessage(`n${n}`, { priority: 5 }), toQueue(name));
      const holder = stage.open();
      await new Reader(holder.consume([queue(name)], { prefetch: 250 })).has(250);
      // Restored by the consumer of another queue, so that nobody takes them meanwhile.
      const elsewhere = stage.open({ visibility_timeout: 0 }).consume([queue(`${name}.other`)]);
      await until("250 restored", async () => (await stage.raw.llen(`${name}\x06\x163`)) === 250);
      await elsewhere.close();
      const other = new Reader(stage.open().consume([queue(name)], { prefetch: 300 }));
      await other.hasOnly(250);
      assert.deepEqual(
        other.texts,
        Array.from({ length: 250 }, (_, n) => `n${n}`),
      );
      // The first holder's claims are void now; nothing it does touches the second one's.
      await holder.close();
      assert.equal(Object.keys(await stage.unacked()).length, 250);
      await other.consumer.close();
      assert.equal(await stage.raw.llen(`${name}\x06\x163`), 250);
    });

    it("a late acknowledgement does not touch the message of the next consumer", async () => {
      const name = uniqueName("late");
      const broker = stage.open();
      await broker.publish(textMessage("x"), toQueue(name));
      const first = await new Reader(broker.consume([queue(name)], { prefetch: 1 })).has(1);
      const second = await new Reader(stage.open({ visibility_timeout: 0 }).consume([queue(name)])).has(1);
      await first.deliveries[0]?.ack();
      await first.consumer.close();
      assert.equal(Object.keys(await stage.unacked()).length, 1);
      await second.deliveries[0]?.ack();
      await until("no records", async () => (await stage.raw.exists("unacked")) === 0);
    });

    it("places records of kombu by their bindings, and leaves those that have no place", async () => {
      const name = uniqueName("placed");
      const separator = "\x06\x16";
      await stage.raw.sadd(`_kombu.binding.${name}`, ["key", "", `${name}.queue`].join(separator));
      const put = async (tag: string, ex: string, rk: string): Promise<void> => {
        await stage.raw.hset(
          "unacked",
          tag,
          `[${envelope(tag, tag, { exchange: ex, routingKey: rk })}, "${ex}", "${rk}"]`,
        );
        await stage.raw.zadd("unacked_index", 1, tag);
      };
      await put("bound", name, "key");
      await put("unbound", name, "other key");
      await stage.raw.hset("unacked", "garbage", "no json");
      await stage.raw.zadd("unacked_index", 1, "garbage");
      await stage.raw.zadd("unacked_index", 1, "no record at all");
      const reader = await new Reader(stage.open(visible).consume([queue(`${name}.queue`)])).has(1);
      assert.equal(textOf(await reader.nth(0)), "bound");
      await until("both to be told", () => stage.lines.filter(({ level }) => level === "error").length === 2);
      assert.deepEqual(Object.keys(await stage.unacked()).sort(), ["bound", "garbage", "unbound"]);
      assert.equal(await stage.raw.zscore("unacked_index", "no record at all"), null);
      await until("the lock to be released", async () => (await stage.raw.exists("unacked_mutex")) === 0);
    });

    it("leaves it to the peer that holds the lock", async () => {
      const name = uniqueName("locked");
      await stage.raw.set("unacked_mutex", "somebody", "PX", 60_000);
      await stage.raw.hset("unacked", "old", `[${envelope("old", "old")}, "", "${name}"]`);
      await stage.raw.zadd("unacked_index", 1, "old");
      const reader = new Reader(stage.open(visible).consume([queue(name)]));
      await reader.hasOnly(0);
      await stage.raw.del("unacked_mutex");
      await reader.has(1);
      assert.equal(await stage.raw.exists("unacked_mutex"), 0);
    });
  });

  describe("lost connections", () => {
    it("give back what was in hand at once, and send acknowledgements again that got no answer", async () => {
      const name = uniqueName("lost");
      const broker = stage.open();
      for (const text of ["held", "acked"]) await broker.publish(textMessage(text), toQueue(name));
      let lost = 0;
      const reader = await new Reader(
        broker.consume([queue(name)], { prefetch: 2, onConnectionLost: () => lost++ }),
      ).has(2);
      // The acknowledgement is on its way in the same turn in which the server ends all connections.
      const acked = reader.deliveries[1]?.ack();
      await stage.raw.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await acked;
      await until("the loss to be noticed", () => lost === 1);
      const again = await reader.nth(2);
      assert.equal(textOf(again), "held");
      assert.equal(again.info.redelivered, true);
      await reader.hasOnly(3);
      assert.equal(Object.keys(await stage.unacked()).length, 1);
    });

    it("are noticed when the other end is silent", async () => {
      const proxy = await startProxy();
      const url = `redis://127.0.0.1:${proxy.port}/0`;
      const name = uniqueName("silent");
      const broker = stage.open({ health_check_interval: 0.2 }, {}, url);
      let lost: OperationalError | undefined;
      const consumer = broker.consume([queue(name)], {
        onConnectionLost: (error) => (lost = error),
      });
      const reader = new Reader(consumer);
      await broker.publish(textMessage("x"), toQueue(name));
      await reader.has(1);
      proxy.freeze();
      await until("the silence to be noticed", () => lost !== undefined);
      assert.match(lost?.message ?? "", /no answer for 0.2 s/);
    });

    it("do not keep a program from closing when the other end is silent", async () => {
      const proxy = await startProxy();
      const name = uniqueName("frozen");
      const broker = stage.open({}, { connectionTimeout: 1 }, `redis://127.0.0.1:${proxy.port}/0`);
      const reader = new Reader(broker.consume([queue(name)]));
      await broker.publish(textMessage("x"), toQueue(name));
      await reader.has(1);
      proxy.freeze();
      const pending = assert.rejects(broker.publish(textMessage("y"), toQueue(name)), OperationalError);
      await within("close", broker.close(), 10_000);
      await pending;
      await reader.end;
      assert.equal(await stage.raw.llen(name), 1, "given back over a new connection");
    });

    it("of one address lead to the next one", async () => {
      const broker = stage.open({}, {}, `redis://:pw@127.0.0.1:1/0;${stage.url}`);
      const name = uniqueName("failover");
      await broker.publish(textMessage("x"), toQueue(name));
      await new Reader(broker.consume([queue(name)])).has(1);
      assert.ok(!broker.displayUrl.includes("pw"));
    });

    it("fail for good when coming back is not wanted, or tried often enough", async () => {
      for (const changes of [{ connectionRetry: false }, { connectionMaxRetries: 1 }]) {
        const broker = stage.open({}, changes, "redis://user:sesame@127.0.0.1:1/0");
        const reader = new Reader(broker.consume([queue("x")]));
        await until("the consumer to fail", () => reader.error !== undefined);
        assert.ok(reader.error instanceof OperationalError);
        assert.match(reader.error.message, /redis:\/\/user:\*\*@127\.0\.0\.1:1\/0.*ECONNREFUSED/);
        await assert.rejects(broker.publish(textMessage("x"), toQueue("x")), OperationalError);
      }
    });
  });

  describe("access", () => {
    it("uses users with passwords, and says what is wrong with them", async () => {
      await stage.raw.call("ACL", "SETUSER", "celery", "on", ">se:same@1", "~*", "&*", "+@all");
      const { host } = new URL(stage.server.url);
      const name = uniqueName("acl");
      const broker = stage.open(
        { client_name: "the-app" },
        {},
        `redis://celery:${encodeURIComponent("se:same@1")}@${host}/0`,
      );
      await broker.publish(textMessage("x"), toQueue(name));
      assert.match(String(await stage.raw.client("LIST")), /name=the-app .*user=celery/);
      const wrong = stage.open({}, {}, `redis://celery:wrong-one@${host}/0`);
      await assert.rejects(wrong.connect(), (error: OperationalError) => {
        assert.equal(error.retriable, false);
        assert.match(error.message, /WRONGPASS.*check user and password/);
        assert.ok(!error.message.includes("wrong-one"));
        return true;
      });
      const reader = new Reader(wrong.consume([queue("x")]));
      await until("the consumer to fail", () => reader.error !== undefined);
      const missing = stage.open({}, {}, `redis://${host}/999`);
      await assert.rejects(missing.connect(), /DB index is out of range.*database number/);
    });

    it("looks for messages itself where the server may not tell of them", async () => {
      await stage.raw.call("ACL", "SETUSER", "limited", "on", ">pw", "~*", "&*", "+@all", "-client|tracking");
      const { host } = new URL(stage.server.url);
      const name = uniqueName("limited");
      const broker = stage.open({}, {}, `redis://limited:pw@${host}/0`);
      const reader = new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack());
      for (let n = 0; n < 3; n++) {
        await broker.publish(textMessage(`n${n}`), toQueue(name));
        await reader.has(n + 1);
      }
      assert.ok(stage.lines.some(({ message }) => message.includes("does not tell of new messages")));
    });

    it("needs no more rights than the documentation names", async () => {
      const documented = await readFile(new URL("../../../docs/brokers.md", import.meta.url), "utf8");
      const rights = /Needed rights.*?`([^`]+)`/.exec(documented)?.[1]?.split(" ") ?? [];
      const name = uniqueName("rights");
      await stage.raw.call("ACL", "SETUSER", "least", "reset", "on", ">pw", `~${name}*`, ...rights);
      const { host } = new URL(stage.server.url);
      const options = { global_keyprefix: name, client_name: "least" };
      const broker = stage.open(options, {}, `redis://least:pw@${host}/0`);
      const fanout = queue("bcast", {
        exchange: exchange("fan", { type: "fanout" }),
        routingKey: "",
        autoDelete: true,
      });
      const tasks = queue("tasks");
      let connected = 0;
      await broker.declare(tasks);
      await broker.publish(textMessage("held"), toQueue("tasks"));
      const first = await new Reader(broker.consume([tasks], { prefetch: 1 })).has(1);
      // The second one finds the first one's message abandoned, so that the rights to restore it are needed too.
      const eager = stage.open({ ...options, visibility_timeout: 0 }, {}, `redis://least:pw@${host}/0`);
      const reader = new Reader(eager.consume([tasks, fanout], { onConnected: () => connected++ }));
      await until("the consumer to connect", () => connected === 1);
      await broker.publish(textMessage("named"), { exchange: tasks.exchange, routingKey: "tasks" });
      await broker.publish(textMessage("fan"), { exchange: fanout.exchange, routingKey: "" });
      await reader.has(3);
      await reader.deliveries[0]?.reject({ requeue: true });
      await reader.deliveries[1]?.ack();
      await first.consumer.close();
      await reader.consumer.close();
      await broker.size("tasks");
      await broker.purge("tasks");
      await broker.delete(tasks);
      assert.deepEqual(
        stage.lines.map(({ message, fields }) => [message, fields]),
        [],
      );
    });

    it("works over a Unix socket", async function () {
      const { socket } = stage.server;
      if (!socket) return this.skip();
      const broker = stage.open({}, {}, `redis+socket://${socket}?virtual_host=0`);
      const name = uniqueName("socket");
      await broker.publish(textMessage("x"), toQueue(name));
      await new Reader(broker.consume([queue(name)])).has(1);
    });
  });

  it("puts the key prefix before every key and channel", async () => {
    const broker = stage.open({ global_keyprefix: "app1:" });
    const name = uniqueName("prefix");
    const fanout = exchange(`${name}.fanout`, { type: "fanout" });
    const broadcast = queue(`${name}.bcast`, { exchange: fanout, routingKey: "" });
    await broker.publish(textMessage("x", { priority: 4 }), toQueue(name), { declare: [queue(name)] });
    let connected = 0;
    const reader = new Reader(broker.consume([queue(name), broadcast], { onConnected: () => connected++ }));
    await reader.has(1);
    await until("the consumer to connect", () => connected === 1);
    assert.deepEqual(await stage.raw.call("PUBSUB", "NUMPAT"), 1);
    await broker.publish(textMessage("y"), { exchange: fanout, routingKey: "" });
    await reader.has(2);
    assert.equal(await stage.raw.publish(`app1:/0.${fanout.name}`, envelope("z", "t")), 1);
    await reader.has(3);
    await broker.publish(textMessage("left", { priority: 4 }), toQueue(`${name}.other`));
    const keys = await stage.raw.keys("*");
    assert.ok(keys.length >= 5 && keys.every((key) => key.startsWith("app1:")), keys.join(", "));
  });

  it("serves several queues in turn, in the declared order or sorted", async () => {
    const [a, b] = [uniqueName("a"), uniqueName("b")];
    const take = async (strategy: string): Promise<string> => {
      for (const [name, text] of [
        [a, "a"],
        [b, "b"],
      ] as const)
        await stage.raw.lpush(name, ...[1, 2, 3].map((n) => envelope(`${text}${n}`, `${strategy}-${text}${n}`)));
      const broker = stage.open({ queue_order_strategy: strategy });
      const reader = await new Reader(broker.consume([queue(b), queue(a)], { prefetch: 6 }), (one) => one.ack()).has(6);
      await broker.close();
      return reader.texts.join(" ");
    };
    assert.equal(await take("round_robin"), "b1 a1 b2 a2 b3 a3");
    assert.equal(await take("priority"), "b1 b2 b3 a1 a2 a3");
    assert.equal(await take("sorted"), "a1 a2 a3 b1 b2 b3");
  });

  it("tells of a key that is no list instead of looping", async () => {
    const name = uniqueName("wrong");
    await stage.raw.set(name, "a text");
    const reader = new Reader(stage.open().consume([queue(name)]));
    await until("the consumer to fail", () => reader.error !== undefined);
    assert.match(String(reader.error), /WRONGTYPE/);
    await assert.rejects(stage.open().publish(textMessage("x"), toQueue(name)), /WRONGTYPE/);
  });

  it("idles without asking, and is woken by a change made by anybody", async () => {
    const name = uniqueName("idle");
    const reader = new Reader(stage.open({ polling_interval: 60 }).consume([queue(name)]));
    await reader.hasOnly(0);
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await stage.raw.info("stats"))?.[1]);
    const before = await commands();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok((await commands()) - before < 3, "an idle consumer sends commands");
    await stage.raw.lpush(name, envelope("x", "t1"));
    await reader.has(1);
    await stage.raw.rpush(`${name}\x06\x169`, envelope("y", "t2"));
    await reader.has(2);
  });
});
