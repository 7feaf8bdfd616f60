import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImproperlyConfigured } from "../../errors.js";
import { encodeEnvelope } from "../../protocol/envelope.js";
import type { Message } from "../../protocol/message.js";
import { queue, toQueue } from "../../protocol/queue.js";
import { silentLogger } from "../../util/logger.js";
import type { Broker, Consumer, Delivery } from "../broker.js";
import { Bindings } from "./bindings.js";
import open from "./index.js";

const message = (text: string): Message => ({
  body: Buffer.from(text),
  contentType: "text/plain",
  contentEncoding: "utf-8",
  headers: {},
  properties: {},
});

describe("filesystem broker", () => {
  let folder: string;
  let data: string;
  const brokers: Broker[] = [];

  const openAt = (options: Record<string, unknown> = {}): Broker => {
    const broker = open("filesystem://", {
      logger: silentLogger,
      transportOptions: {
        data_folder_in: data,
        data_folder_out: data,
        control_folder: join(folder, "control"),
        polling_interval: 0.02,
        ...options,
      },
      connectionTimeout: 4,
      connectionRetry: true,
      connectionMaxRetries: 100,
      heartbeat: 0,
      useSsl: false,
      failoverStrategy: "round-robin",
    });
    brokers.push(broker);
    return broker;
  };
  const next = async (consumer: Consumer): Promise<Delivery> => {
    const { value } = (await consumer[Symbol.asyncIterator]().next()) as IteratorYieldResult<Delivery>;
    return value;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "celeriac-folders-"));
    data = join(folder, "data");
    mkdirSync(data);
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    rmSync(folder, { recursive: true });
  });

  it("keeps a taken message until it is acknowledged, under a name that kombu does not read", async () => {
    const broker = openAt();
    await broker.publish(message("x"), toQueue("q"));
    const delivery = await next(broker.consume([queue("q")]));
    const files = readdirSync(data);
    assert.equal(files.length, 1);
    assert.ok(!files[0]?.includes(".q.msg"));
    await delivery.ack();
    await broker.close();
    assert.deepEqual(readdirSync(data), []);
  });

  it("gives back what a process left that died", async () => {
    await openAt().publish(message("x"), toQueue("q"));
    const [name = ""] = readdirSync(data);
    const abandoned = join(data, `${name.split(".")[0]}.${Buffer.from("q").toString("base64url")}.dead.taken`);
    writeFileSync(abandoned, readFileSync(join(data, name)));
    rmSync(join(data, name));
    // Held by somebody who lives: touched a moment ago.
    const consumer = openAt({ visibility_timeout: 30 }).consume([queue("q")]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(readdirSync(data).filter((one) => one.endsWith(".taken")).length, 1);
    await consumer.close();
    utimesSync(abandoned, 1000, 1000);
    const delivery = await next(openAt({ visibility_timeout: 30 }).consume([queue("q")]));
    assert.equal(Buffer.from(delivery.message.body).toString(), "x");
    assert.equal(delivery.info.redelivered, true);
    await delivery.ack();
  });

  it("waits for a writer who has made the file and not filled it", async () => {
    const file = openSync(join(data, "1_a.q.msg"), "w");
    const consumer = openAt().consume([queue("q")]);
    const delivery = next(consumer);
    while (!readdirSync(data).some((one) => one.endsWith(".taken"))) await new Promise((r) => setTimeout(r, 2));
    writeSync(file, encodeEnvelope(message("slow"), { exchange: "", routingKey: "q" }, { deliveryTag: "t" }));
    assert.equal(Buffer.from((await delivery).message.body).toString(), "slow");
  });

  it("moves acknowledged messages aside when they are to be kept", async () => {
    const processed = join(folder, "done");
    mkdirSync(processed);
    const broker = openAt({ store_processed: true, processed_folder: processed });
    await broker.publish(message("x"), toQueue("q"));
    const [name] = readdirSync(data);
    await (await next(broker.consume([queue("q")]))).ack();
    await broker.close();
    assert.deepEqual(readdirSync(processed), [name]);
  });

  it("does not take the messages of a queue whose name ends the same", async () => {
    const broker = openAt();
    await broker.publish(message("other"), toQueue("x.celery"));
    assert.equal(await broker.size("celery"), 0);
    assert.equal(await broker.size("x.celery"), 1);
  });

  it("names the folder that is missing, and how to mend it", async () => {
    const broker = openAt({ data_folder_in: join(folder, "nowhere") });
    await assert.rejects(
      broker.connect(),
      (error) => error instanceof ImproperlyConfigured && /data_folder_in/.test(error.message),
    );
    await assert.rejects(async () => {
      for await (const _ of broker.consume([queue("q")]));
    }, ImproperlyConfigured);
    await assert.rejects(openAt().publish(message("x"), toQueue("a/b")), /a\/b.*file name/);
  });

  describe("bindings", () => {
    const route = (name: string): { routingKey: string; pattern: string; queue: string } => ({
      routingKey: "k",
      pattern: "",
      queue: name,
    });
    const table = (): unknown => JSON.parse(readFileSync(join(folder, "control", "ex.exchange"), "utf8"));

    it("are kombu's list, newest first, each once", async () => {
      const bindings = new Bindings(join(folder, "control"));
      for (const name of ["a", "b", "a"]) await bindings.add("ex", route(name));
      assert.deepEqual(table(), [
        ["k", "", "b"],
        ["k", "", "a"],
      ]);
      await bindings.remove("ex", route("b"));
      await bindings.remove("ex", route("unknown"));
      assert.deepEqual(table(), [["k", "", "a"]]);
      assert.deepEqual(await bindings.routes("nothing"), []);
    });

    it("of many processes at once are all kept", async () => {
      const names = Array.from({ length: 12 }, (_, n) => `q${n}`);
      await Promise.all(names.map((name) => new Bindings(join(folder, "control")).add("ex", route(name))));
      const queues = (await new Bindings(join(folder, "control")).routes("ex")).map((one) => one.queue);
      assert.deepEqual(queues.sort(), names.sort());
      assert.deepEqual(readdirSync(join(folder, "control")), ["ex.exchange"]);
    });

    it("keep what Python wrote into the table that was just replaced", async () => {
      const bindings = new Bindings(join(folder, "control"));
      await bindings.add("ex", route("first"));
      // Python has the old file open, and writes into it after it was replaced.
      const python = openSync(join(folder, "control", "ex.exchange"), "r+");
      const adding = bindings.add("ex", route("ours"));
      while ((table() as unknown[]).length === 1) await new Promise((resolve) => setImmediate(resolve));
      writeSync(
        python,
        JSON.stringify([
          ["k", "", "theirs"],
          ["k", "", "first"],
        ]),
        0,
      );
      await adding;
      assert.deepEqual((await bindings.routes("ex")).map((one) => one.queue).sort(), ["first", "ours", "theirs"]);
    });
  });
});
