import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Decimal, Float, Uuid } from "../../../src/protocol/values.js";
import { ensureVenv } from "../../python/venvs.mjs";
import { needShared } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

const script = fileURLToPath(new URL("header-tables.py", import.meta.url));
const run = promisify(execFile);

/** Header values of every kind, both ways, with the py-amqp of each Celery: 5.1 to 5.3.1 and 5.4 read tags differently. */
for (const version of ["5.2.7", "5.4.0", "5.6.3", "5.7.0"])
  describe(`amqp header tables beside Celery ${version}`, function () {
    this.timeout(120_000);
    let stage: AmqpStage;
    let written: Readonly<Record<string, unknown>>;
    let read: Readonly<Record<string, unknown>>;

    const sent: Record<string, [value: unknown, python: unknown]> = {
      zero: [0, { int: "0" }],
      "minus one": [-1, { int: "-1" }],
      "127": [127, { int: "127" }],
      "128": [128, { int: "128" }],
      "200": [200, { int: "200" }],
      "-129": [-129, { int: "-129" }],
      "32767": [32767, { int: "32767" }],
      "65536": [65536, { int: "65536" }],
      "2^31 - 1": [2 ** 31 - 1, { int: "2147483647" }],
      "-2^31": [-(2 ** 31), { int: "-2147483648" }],
      "2^31": [2 ** 31, { int: "2147483648" }],
      milliseconds: [1700000000000, { int: "1700000000000" }],
      "2^53": [2n ** 53n, { int: "9007199254740992" }],
      "2^63 - 1": [2n ** 63n - 1n, { int: "9223372036854775807" }],
      "-2^40, as a float that compares equal": [-(2 ** 40), { float: "-1099511627776.0" }],
      "a float": [0.25, { float: "0.25" }],
      "a whole float": [new Float(3), { float: "3.0" }],
      text: ["hé😀", { str: "hé😀" }],
      "a boolean": [true, { bool: "True" }],
      null: [null, { NoneType: "None" }],
      "a time limit": [[300, null], { list: [{ int: "300" }, { NoneType: "None" }] }],
      "a table": [
        { a: [200, { b: 1000 }] },
        { dict: { a: { list: [{ int: "200" }, { dict: { b: { int: "1000" } } }] } } },
      ],
      "a date": [new Date("2026-01-02T03:04:05Z"), { datetime: "2026-01-02 03:04:05" }],
      "a decimal": [new Decimal("-12.50"), { Decimal: "-12.5" }],
      "a UUID": [new Uuid("0a1b2c3d-0000-4000-8000-000000000000"), { str: "0a1b2c3d-0000-4000-8000-000000000000" }],
      bytes: [new Uint8Array([255, 0]), { bytes: "ff00" }],
    };

    before(async function () {
      stage = new AmqpStage(await needShared(this, "rabbitmq"));
      const python = await ensureVenv(version);
      const port = new URL(stage.server.url.replace(/^amqp/, "http")).port;
      const one = queue(name("tables"));
      const broker = stage.open();
      await broker.declare(one);
      await run(python, [script, port, "write", one.name]);
      const reader = await new Watched(broker, [one], { noAck: true }).has(1);
      written = reader.deliveries[0]?.message.headers ?? {};
      await reader.consumer.close();
      const headers = Object.fromEntries(Object.entries(sent).map(([key, [value]]) => [key, value]));
      await broker.publish(message("x", {}, headers), toQueue(one.name));
      read = JSON.parse((await run(python, [script, port, "read", one.name])).stdout) as typeof read;
      await broker.delete(one);
    });
    after(() => stage?.reset());

    const expected: Record<string, unknown> = {
      one: 1,
      minus_one: -1,
      two_hundred: 200,
      thousand: 1000,
      largest_32: 2 ** 31 - 1,
      beyond_32: 2 ** 31,
      minus_beyond_32: -(2 ** 31) - 1,
      milliseconds: 1700000000000,
      safe: 2 ** 53 - 1,
      largest_64: 2n ** 63n - 1n,
      smallest_64: -(2n ** 63n),
      float: 1.5,
      true: true,
      none: null,
      text: "hé😀",
      bytes: Buffer.from([0xff, 0]),
      decimal: new Decimal("-12.50"),
      datetime: new Date("2026-01-02T03:04:05Z"),
      list: [300, null, 2 ** 40, ["x"]],
      table: { a: { b: [2 ** 40, -1] } },
    };
    for (const [key, value] of Object.entries(expected))
      it(`reads what Python wrote as ${key}`, () => assert.deepEqual(written[key], value));

    for (const [title, [, python]] of Object.entries(sent))
      it(`Python reads ${title}`, () => assert.deepEqual(read[title], python));
  });
