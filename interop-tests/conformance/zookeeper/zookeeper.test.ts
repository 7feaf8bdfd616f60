import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { ImproperlyConfigured, NotSupported, OperationalError, PublishError } from "../../../src/errors.js";
import type { CeleryError } from "../../../src/errors.js";
import { exchange, queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage, textOf } from "../../../src/testing/broker/scene.js";
import { until, within } from "../../../src/testing/harness.js";
import { uniqueName } from "../../drivers/index.js";
import { asked } from "../../drivers/zookeeper.js";
import { freePort } from "../../servers/local.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { ZooKeeperStage } from "./stage.js";

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

/** What only ZooKeeper has: sessions, watches, packets of limited size, ACLs, lists of servers. */
describe("zookeeper broker: special", function () {
  this.timeout(30_000);
  let stage: ZooKeeperStage;

  before(async function () {
    stage = new ZooKeeperStage(await need(this, () => startServer("zookeeper")));
  });
  afterEach(() => stage.reset());
  after(async () => {
    await stage?.end();
    await stage?.server.stop();
  });

  /** A queue with these messages in it. */
  async function filled(...texts: string[]): Promise<string> {
    const name = uniqueName("queue");
    const broker = stage.open();
    await broker.declare(queue(name));
    await Promise.all(texts.map((text) => broker.publish(textMessage(text), toQueue(name))));
    return name;
  }

  describe("taking", () => {
    it("is woken by the server, not by the clock", async () => {
      const name = await filled();
      const broker = stage.open({ polling_interval: 3600 });
      let connected = 0;
      const reader = new Reader(broker.consume([queue(name)], { onConnected: () => connected++ }));
      await until("the consumer to connect", () => connected === 1);
      for (let n = 0; n < 3; n++) {
        await stage.open().publish(textMessage(`n${n}`), toQueue(name));
        await within("a message for an idle consumer", reader.nth(n), 1000);
      }
    });

    it("sees a more urgent message before a long queue is used up", async () => {
      const name = await filled(...numbers(3000));
      const broker = stage.open();
      const sender = stage.open();
      let urgent = -1;
      const reader = new Reader(broker.consume([queue(name)], { prefetch: 1 }), async (delivery) => {
        await delivery.ack();
        if (reader.deliveries.length === 10)
          await sender.publish(textMessage("urgent", { priority: 9 }), toQueue(name));
        if (textOf(delivery) === "urgent") urgent = reader.deliveries.length;
      });
      await until("the urgent one", () => urgent > 0);
      assert.ok(urgent < 2500, `it came as number ${urgent}`);
      await reader.consumer.close();
      await broker.purge(name);
    });

    it("serves several queues in turn", async () => {
      const [a, b] = [await filled(...numbers(20)), await filled(...numbers(20))];
      const reader = await new Reader(stage.open().consume([queue(a), queue(b)], { prefetch: 10 })).has(10);
      assert.equal(reader.deliveries.filter(({ queue: from }) => from === a).length, 5);
    });

    it("leaves alone what is no entry, and makes a queue again that was removed", async () => {
      const name = await filled("x");
      const path = `/${stage.vhost}/${name}`;
      await asked<string>((done) => stage.raw.create(`${path}/lock`, Buffer.from("theirs"), 0, done));
      const broker = stage.open({ polling_interval: 0.05 });
      const reader = await new Reader(broker.consume([queue(name)]), (one) => one.ack()).hasOnly(1);
      assert.deepEqual(await stage.entries(name), ["lock"]);
      await asked<void>((done) => stage.raw.remove(`${path}/lock`, -1, done));
      await asked<void>((done) => stage.raw.remove(path, -1, done));
      await until("the queue again", async () => (await asked((done) => stage.raw.exists(path, done))) !== null);
      await stage.open().publish(textMessage("y"), toQueue(name));
      await reader.nth(1);
    });

    it("takes five thousand, sent at once, in order", async () => {
      const name = await filled(...numbers(5000));
      const reader = new Reader(stage.open().consume([queue(name)], { noAck: true }));
      await reader.has(5000);
      assert.deepEqual(reader.texts, numbers(5000));
    });
  });

  describe("giving back", () => {
    it("does not mistake another queue of the same path for the one that a message came from", async () => {
      const name = await filled("held");
      const path = `/${stage.vhost}/${name}`;
      const broker = stage.open();
      const reader = await new Reader(broker.consume([queue(name)])).has(1);
      await asked<void>((done) => stage.raw.remove(path, -1, done));
      // The new queue counts from 0 again, so this one has the name that the first had.
      await stage.open().publish(textMessage("new"), toQueue(name));
      assert.deepEqual(await stage.entries(name), ["entry-009-0000000000"]);
      const late = reader.deliveries.length;
      await reader.consumer.close();
      const next = await new Reader(stage.open().consume([queue(name)])).has(late === 1 ? 2 : 1);
      assert.deepEqual(next.texts.sort(), ["held", "new"]);
    });

    it("puts back what a consumer took while it was stopped, readable or not", async () => {
      const name = await filled(...numbers(200));
      await asked<string>((done) =>
        stage.raw.create(`/${stage.vhost}/${name}/entry-000-`, Buffer.from("not an envelope"), 2, done),
      );
      const before = await stage.entries(name);
      for (let round = 0; round < 10; round++) {
        const consumer = stage.open().consume([queue(name)], { onUndecodable: () => assert.fail("it was handed out") });
        await until(
          "something taken",
          async () => (await stage.entries(name)).length < before.length || round > 0,
          5000,
        );
        await consumer.close();
        const left = await stage.entries(name);
        assert.deepEqual(left.slice(-200), before.slice(-200));
        if (left.length === 201) continue;
        // It was read before the stop, and dropped as what it is.
        break;
      }
    });
  });

  describe("connections", () => {
    it("ends a silent one by its own clock, and the session that expires costs nothing", async () => {
      const name = await filled();
      const { proxy, url } = await stage.proxy();
      const lost: CeleryError[] = [];
      let connected = 0;
      const broker = stage.open({ session_timeout: 1.5, polling_interval: 60 }, {}, url);
      const reader = new Reader(
        broker.consume([queue(name)], {
          onConnected: () => connected++,
          onConnectionLost: (error) => lost.push(error),
        }),
      );
      await until("the consumer to connect", () => connected === 1);
      await stage.open().publish(textMessage("held"), toQueue(name));
      await reader.nth(0);
      proxy.freeze();
      await until("the consumer to notice", () => lost.length === 1, 4000);
      assert.match(lost[0]?.message ?? "", /was lost: no answer for/);
      await until("a new session", () => connected === 2);
      // Given back over the new session, and taken again.
      const again = await reader.nth(1);
      assert.equal(textOf(again), "held");
      assert.equal(again.info.redelivered, true);
      await again.ack();
      await stage.open().publish(textMessage("after"), toQueue(name));
      assert.equal(textOf(await reader.nth(2)), "after");
    });

    it("comes back when its process was busy for so long that the server has expired the session", async () => {
      const name = await filled();
      const lost: CeleryError[] = [];
      let connected = 0;
      const broker = stage.open({ session_timeout: 1 });
      const reader = new Reader(
        broker.consume([queue(name)], {
          onConnected: () => connected++,
          onConnectionLost: (error) => lost.push(error),
        }),
      );
      await until("the consumer to connect", () => connected === 1);
      for (const end = performance.now() + 2500; performance.now() < end;);
      await until("the consumer to notice", () => lost.length === 1);
      assert.match(lost[0]?.message ?? "", /the server closed the connection|EPIPE|ECONNRESET/);
      await until("a new session", () => connected === 2);
      await stage.open().publish(textMessage("after"), toQueue(name));
      await reader.nth(0);
    });

    it("gives back over a new connection when it is closed over a silent one", async () => {
      const name = await filled();
      const { proxy, url } = await stage.proxy();
      const broker = stage.open({}, { connectionTimeout: 0.3 }, url);
      const reader = new Reader(broker.consume([queue(name)]));
      for (const text of ["a", "b"]) await broker.publish(textMessage(text), toQueue(name));
      await reader.has(2);
      proxy.freeze();
      await within("close over a silent connection", broker.close(), 4000);
      assert.deepEqual(await stage.entries(name), ["entry-009-0000000000", "entry-009-0000000001"]);
    });

    it("loses nothing when connections break while messages are taken", async () => {
      const all = numbers(1200);
      const name = await filled(...all);
      const { proxy, url } = await stage.proxy();
      const seen = new Set<string>();
      let handedOut = 0;
      const readers = [1, 30, 100].map(
        (prefetch) =>
          new Reader(
            stage.open({ interval_start: 0.01 }, {}, url).consume([queue(name)], { prefetch }),
            async (one) => {
              await one.ack();
              handedOut++;
              seen.add(textOf(one));
              if (handedOut % 150 === 0) {
                proxy.cut();
                proxy.mend();
              }
            },
          ),
      );
      await until("all of them", () => seen.size === all.length);
      for (const { error } of readers) assert.equal(error, undefined);
      // What was removed when the connection broke is put back once more rather than lost.
      assert.ok(handedOut - all.length < 300, `${handedOut - all.length} came twice`);
    });

    it("goes on with the next server, with a path, whichever way they are listed", async () => {
      const dead = `127.0.0.1:${await freePort()}`;
      const { vhost, address } = stage;
      for (const url of [
        `zookeeper://${dead},${address}/${vhost}`,
        `zookeeper://${dead};zookeeper://${address}/${vhost}`,
        `zookeeper://${dead}/${vhost};${address}`,
      ]) {
        const name = await filled();
        const broker = stage.open({}, {}, url);
        await broker.publish(textMessage("x"), toQueue(name));
        assert.deepEqual(await stage.entries(name), ["entry-009-0000000000"], url);
        await new Reader(broker.consume([queue(name)])).has(1);
      }
    });

    it("tells at once that nobody listens, and after the connection timeout that nobody answers", async () => {
      const url = `zookeeper://me:secret@127.0.0.1:${await freePort()}`;
      const refused = (error: unknown): boolean =>
        error instanceof OperationalError && error.retriable && /me:\*\*@.*ECONNREFUSED/.test(error.message);
      await within("a refusal", assert.rejects(stage.open({}, {}, url).connect(), refused), 1000);
      const mute = createServer((socket) => socket.on("error", () => undefined).resume());
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      const broker = stage.open(
        {},
        { connectionTimeout: 0.3 },
        `zookeeper://127.0.0.1:${(mute.address() as AddressInfo).port}`,
      );
      await within("an end of waiting", assert.rejects(broker.connect(), /no answer for 0.3 s/), 2000);
      await broker.close();
      await new Promise((resolve) => mute.close(resolve));
    });

    it("survives an answer that its client does not know", async () => {
      const server = fakeServer(-125);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const broker = stage.open({}, {}, `zookeeper://127.0.0.1:${(server.address() as AddressInfo).port}`);
      await assert.rejects(
        broker.publish(textMessage("x"), toQueue("x")),
        (error) => error instanceof OperationalError && /Unknown code: -125/.test(error.message),
      );
      await broker.close();
      await new Promise((resolve) => server.close(resolve));
    });
  });

  describe("limits", () => {
    it("sends exactly as much as the server takes, and tells the limit of what is too large", async () => {
      const name = await filled();
      const broker = stage.open();
      const envelope = Buffer.byteLength(await onlyText(name, () => broker.publish(textMessage(""), toQueue(name))));
      const path = `/${stage.vhost}/${name}/entry-009-0000000000`;
      // Length of the body in base64 at which the packet has 0xfffff bytes.
      const room = 0xfffff - 47 - Buffer.byteLength(path) - envelope;
      const largest = "x".repeat(Math.floor(room / 4) * 3);
      const tooLarge = (error: unknown): boolean =>
        error instanceof PublishError &&
        !error.retriable &&
        /takes 10\d{5}: send a reference.*jute/.test(error.message);
      await assert.rejects(broker.publish(textMessage(`${largest}xxx`), toQueue(name)), tooLarge);
      assert.deepEqual(await stage.entries(name), []);
      await broker.publish(textMessage(largest), toQueue(name));
      // A message that has no room for the mark of a redelivery goes back without it.
      const reader = await new Reader(broker.consume([queue(name)])).has(1);
      await reader.consumer.close();
      assert.equal(
        (await stage.text(name, (await stage.entries(name))[0] ?? "")).length,
        envelope + (largest.length / 3) * 4,
      );
      const again = await new Reader(broker.consume([queue(name)])).has(1);
      assert.equal(again.texts[0], largest);
    });

    it("shows that the server ends the connection for a byte more", async () => {
      const name = await filled();
      const broker = stage.open({ jute_maxbuffer: 0xfffff + 14 });
      const envelope = Buffer.byteLength(await onlyText(name, () => broker.publish(textMessage(""), toQueue(name))));
      const room = 0xfffff - 47 - Buffer.byteLength(`/${stage.vhost}/${name}/entry-009-`) - envelope;
      const sent = broker.publish(textMessage("x".repeat((Math.floor(room / 4) + 1) * 3)), toQueue(name));
      await assert.rejects(sent, (error) => error instanceof OperationalError && error.retriable);
    });

    it("refuses fanout exchanges, queue names that are no paths, unknown options and parameters", async () => {
      const broker = stage.open();
      const fanout = exchange(uniqueName("fanout"), { type: "fanout" });
      await assert.rejects(broker.publish(textMessage("x"), { exchange: fanout, routingKey: "" }), NotSupported);
      for (const name of ["/x", "a//b", "..", "a\nb", "\u{1F955}"])
        await assert.rejects(broker.publish(textMessage("x"), toQueue(name)), ImproperlyConfigured);
      assert.throws(() => stage.open({ visibility_timeout: 1 }), ImproperlyConfigured);
      assert.throws(() => stage.open({}, { useSsl: true }), NotSupported);
      assert.throws(() => stage.open({}, {}, `${stage.url}?x=1`), ImproperlyConfigured);
      assert.throws(() => stage.open({}, {}, "zookeeper://h/a//b"), ImproperlyConfigured);
    });
  });

  describe("rights", () => {
    const { ACL, Id, Permission } = createRequire(import.meta.url)("node-zookeeper-client") as {
      ACL: new (permissions: number, id: unknown) => unknown;
      Id: new (scheme: string, id: string) => unknown;
      Permission: { readonly ALL: number; readonly READ: number };
    };
    const raw = (): { setACL(path: string, acl: unknown[], version: number, done: (error: unknown) => void): void } =>
      stage.raw as never;

    it("names what is not allowed, and works for the user that is", async () => {
      const name = await filled("x");
      const path = `/${stage.vhost}/${name}`;
      stage.raw.addAuthInfo("digest", Buffer.from("worker:s3cret"));
      // "auth" with nobody's name stands for whoever sets it; everybody else may only look.
      const acl = [new ACL(Permission.ALL, new Id("auth", "")), new ACL(Permission.READ, new Id("world", "anyone"))];
      await asked<void>((done) => raw().setACL(path, acl, -1, (error) => done(error)));
      const broker = stage.open();
      const notAllowed = (error: unknown): boolean =>
        error instanceof OperationalError && !error.retriable && /NO_AUTH.*user:password@host/.test(error.message);
      await assert.rejects(broker.publish(textMessage("y"), toQueue(name)), notAllowed);
      await assert.rejects(broker.purge(name), notAllowed);
      const reader = new Reader(broker.consume([queue(name)]));
      await within("the consumer to give up", reader.end);
      assert.ok(notAllowed(reader.error), String(reader.error));
      assert.equal(await broker.size(name), 1);

      const allowed = stage.open({}, {}, stage.url.replace("://", "://worker:s3cret@"));
      await allowed.publish(textMessage("y"), toQueue(name));
      const next = await new Reader(allowed.consume([queue(name)]), (one) => one.ack()).hasOnly(2);
      assert.deepEqual(next.texts, ["x", "y"]);
    });
  });

  /** The only message of a queue that has none yet, taken out again. */
  async function onlyText(name: string, publish: () => Promise<void>): Promise<string> {
    await publish();
    const [entry = ""] = await stage.entries(name);
    const text = await stage.text(name, entry);
    await asked<void>((done) => stage.raw.remove(`/${stage.vhost}/${name}/${entry}`, -1, done));
    return text;
  }
});

/** Grants every session, says OK to what looks for a node, and gives everything else one error code. */
function fakeServer(code: number): ReturnType<typeof createServer> {
  const framed = (...parts: Buffer[]): Buffer => {
    const body = Buffer.concat(parts);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  };
  const int = (value: number): Buffer => {
    const four = Buffer.alloc(4);
    four.writeInt32BE(value);
    return four;
  };
  return createServer((socket) => {
    let greeted = false;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      for (let at = 0; at < chunk.length; at += 4 + chunk.readInt32BE(at)) {
        if (!greeted) {
          greeted = true;
          socket.write(framed(int(0), int(10_000), Buffer.alloc(8, 1), int(16), Buffer.alloc(16)));
          continue;
        }
        const [xid, operation] = [chunk.readInt32BE(at + 4), chunk.readInt32BE(at + 8)];
        const exists = operation === 3;
        socket.write(framed(int(xid), Buffer.alloc(8), int(exists ? 0 : code), Buffer.alloc(exists ? 68 : 0)));
      }
    });
  });
}
